from __future__ import annotations

import tracemalloc

from route.request_view import View

from gwt.model.route import Path
from gwt.route.conditions import Conditions
from gwt.route.entry import Entry, order, pattern
from gwt.route.radix import FLOAT, STRIDE, Tree
from gwt.steps import finish

CANARY = Conditions.of(Path(uri="/", headers={"x-canary": "1"}))


def tree(*uris: tuple[str, str] | Entry) -> Tree:
    entries = [one if isinstance(one, Entry) else Entry(pattern(*one), one[1], target=one[0]) for one in uris]
    return finish(Tree(sorted(entries, key=order)).grown())


def found(compiled: Tree, *paths: bytes) -> list[object]:
    return [compiled.find(path, View()) for path in paths]


def test_the_longest_prefix_on_a_segment_border() -> None:
    compiled = tree(("/", "prefix"), ("/a", "prefix"), ("/a/b/c", "prefix"))
    paths = [b"/", b"/x", b"/a", b"/a/", b"/ab", b"/a/b", b"/a/b/c", b"/a/b/c/d/e", b"/a/b/cd"]
    assert found(compiled, *paths) == ["/", "/", "/a", "/a", "/", "/a", "/a/b/c", "/a/b/c", "/a"]


def test_exact_is_exact() -> None:
    compiled = tree(("/", "exact"), ("/a", "exact"), ("/a/", "exact"), ("/a/b", "prefix"))
    assert found(compiled, b"/", b"/a", b"/a/", b"/a/c", b"/a/b", b"//") == ["/", "/a", "/a/", None, "/a/b", None]


def test_a_regex_hangs_where_its_literal_beginning_leads_and_still_finds_all() -> None:
    compiled = tree((r"^/api/v1\d*$", "regex"), (r"^/api/v1/x/", "regex"), (r"b$", "regex"), ("/api", "prefix"))
    paths = [b"/api/v1", b"/api/v12", b"/api/v1/x/y", b"/api/v1/x", b"/q/b", b"/api/b", b"/q"]
    wanted = [r"^/api/v1\d*$", r"^/api/v1\d*$", r"^/api/v1/x/", "/api", "b$", "b$", None]
    assert found(compiled, *paths) == wanted


def test_conditions_let_the_next_one_in() -> None:
    compiled = tree(Entry(b"/a/b", conditions=CANARY, target="canary"), ("/a", "prefix"), ("/a/b/c/d", "prefix"))
    assert found(compiled, b"/a/b/x") == ["/a"]
    assert compiled.find(b"/a/b/x", View(headers={b"x-canary": b"1"})) == "canary"


def test_many_loose_entries_at_the_root_are_not_copied_into_every_node() -> None:
    loose = [Entry(b"/", conditions=CANARY, name=f"{n:03}", target=n) for n in range(200)]
    nodes = [Entry(f"/n{n}".encode(), target=n) for n in range(500)]
    tracemalloc.start()
    compiled = tree(*loose, *nodes)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 500_000
    assert compiled.find(b"/x", View(headers={b"x-canary": b"1"})) == 0
    assert found(compiled, b"/n7", b"/x") == [7, None]


def test_loose_entries_keep_their_place_by_priority() -> None:
    loose = [Entry(f"x{n}|y".encode(), "regex", target=n) for n in range(FLOAT + 1)]
    compiled = tree(*loose, Entry(b"/a", "exact", -1, target="low"), Entry(b"/y", "exact", 1, target="high"))
    assert found(compiled, b"/y", b"/xx3", b"/a", b"/q/y") == ["high", 3, "low", 0]


def test_a_very_deep_uri_is_no_trouble() -> None:
    deep = "/a" * 20_000
    assert found(tree((deep, "prefix"), ("/", "prefix")), deep.encode() + b"/b", b"/a/a") == [deep, "/"]


def test_a_large_host_is_compiled_in_many_steps() -> None:
    entries = [Entry(f"/{n}".encode(), target=n) for n in range(2000)] + [
        Entry(f"/{{a}}/{n}".encode(), "template", target=n) for n in range(2000)
    ]
    # Each of the prefixes is put in its place and its node settled; then all entries are ranked.
    assert sum(1 for _ in Tree(sorted(entries, key=order)).grown()) >= 8000 // STRIDE
