from __future__ import annotations

import pytest
from route.request_view import View

from gwt.model.route import Path
from gwt.route.conditions import Conditions
from gwt.route.entry import Entry
from gwt.route.router import SMALL, Router

VIEW = View()


def router(**hosts: str) -> Router:
    """One catch-all entry a pattern, `star` for `*`."""
    names = {"star": "*"}
    return Router().with_hosts({names.get(p, p): [Entry(b"/", target=target)] for p, target in hosts.items()})


def test_an_empty_router_routes_nothing() -> None:
    empty = Router()
    assert empty.match(b"a", b"/", VIEW) is None
    assert empty.pattern_of(b"a") is None
    assert empty.explain(b"a", b"/", VIEW) == []
    assert list(empty.entries()) == []


@pytest.mark.parametrize(
    ("host", "pattern"),
    [
        (b"a.example.com", "a.example.com"),
        (b"b.example.com", "*.example.com"),
        (b"c.b.example.com", "*.b.example.com"),
        (b"d.c.b.example.com", "*.b.example.com"),
        (b"x.a.example.com", "*.example.com"),
        (b"example.com", "*"),
        (b"[::1]", "*"),
    ],
)
def test_exact_then_the_longest_wildcard_then_the_rest(host: bytes, pattern: str) -> None:
    patterns = ["a.example.com", "*.example.com", "*.b.example.com", "*"]
    table = Router().with_hosts({one: [Entry(b"/", target=one)] for one in patterns})
    assert table.match(host, b"/x", VIEW) == pattern
    assert table.pattern_of(host) == pattern


def test_a_miss_inside_the_chosen_host_does_not_fall_back() -> None:
    table = router(star="rest").with_hosts({"a.b": [Entry(b"/x", target=1)], "*.c": [Entry(b"/x", target=2)]})
    assert table.match(b"a.b", b"/y", VIEW) is None
    assert table.match(b"a.c", b"/y", VIEW) is None
    assert table.match(b"a.d", b"/y", VIEW) == "rest"


@pytest.mark.parametrize("size", range(1, SMALL + 4))
def test_small_and_large_hosts_choose_alike(size: int) -> None:
    entries = [Entry(b"/a" * n or b"/", target=n) for n in range(size)]
    table = Router().with_hosts({"h": entries})
    for depth in range(size + 2):
        assert table.match(b"h", b"/a" * depth + b"/b", VIEW) == min(depth, size - 1)
    assert table.match(b"h", b"/ab", VIEW) == 0


def test_exact_and_prefix_in_a_small_host() -> None:
    canary = Conditions.of(Path(uri="/", methods=("POST",)))
    entries = [
        Entry(b"/a", "exact", target="exact"),
        Entry(b"/a", target="prefix"),
        Entry(b"/a", "exact", 0, canary, "", 1),
    ]
    table = Router().with_hosts({"h": entries})
    assert [table.match(b"h", path, VIEW) for path in (b"/a", b"/a/", b"/a/b", b"/ab")] == [
        "exact",
        "prefix",
        "prefix",
        None,
    ]
    assert table.match(b"h", b"/a", View(method=b"POST")) == 1


def test_a_change_leaves_the_old_router_and_shares_the_rest() -> None:
    before = router(star="rest", a="one", b="two").with_hosts({"*.x": [Entry(b"/", target="wild")]})
    after = before.with_hosts({"a": [Entry(b"/", target="new")], "b": [], "*.x": [], "*": []})
    assert [before.match(host, b"/", VIEW) for host in (b"a", b"b", b"y.x", b"q")] == ["one", "two", "wild", "rest"]
    assert [after.match(host, b"/", VIEW) for host in (b"a", b"b", b"y.x", b"q")] == ["new", None, None, None]
    again = after.with_hosts({"c": [Entry(b"/c")], "gone": []})
    assert again.entries_of("a")[0] is after.entries_of("a")[0]


def test_building_can_be_done_in_steps() -> None:
    table = {f"h{n}": [Entry(b"/", target=n)] for n in range(5)}
    steps = Router().with_hosts_in_steps(table)
    for taken in range(5):
        assert next(steps) is None, taken
    with pytest.raises(StopIteration) as done:
        next(steps)
    assert done.value.value.match(b"h3", b"/", VIEW) == 3


def test_entries_tell_of_everything() -> None:
    table = Router().with_hosts({one: [Entry(b"/b"), Entry(b"/a/b")] for one in ("h", "*.h", "*")})
    assert [(pattern, entry.uri) for pattern, entry in table.entries()] == [
        (pattern, uri) for pattern in ("h", "*.h", "*") for uri in (b"/a/b", b"/b")
    ]
    assert table.entries_of("*.none") == ()


def test_names_break_ties_and_are_reported() -> None:
    canary = Conditions.of(Path(uri="/", headers={"x": "1"}))
    first, second, third = Entry(b"/a", name="a", target=1), Entry(b"/a/", name="b"), Entry(b"/a", name="c")
    other = Entry(b"/a", conditions=canary, name="d")
    table = Router().with_hosts({"h": [third, other, second, first]})
    assert table.match(b"h", b"/a", VIEW) == 1
    assert table.ambiguous("h") == [(first, second), (first, third)]
    assert table.ambiguous("none") == []


def test_one_name_twice_goes_by_place() -> None:
    table = Router().with_hosts({"h": [Entry(b"/", name="n", target=1), Entry(b"/", name="n", target=2)]})
    assert table.match(b"h", b"/", VIEW) == 1
