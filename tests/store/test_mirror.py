"""What stands in an etcd, mirrored."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gwt.etcd.messages import KeyValue
from gwt.store.follow import Change, Question
from gwt.store.mirror import MOST, UNKNOWN, Mirror


def kv(name: str, value: str | None, rev: int) -> KeyValue:
    return KeyValue(f"/p/{name}", None if value is None else value.encode(), rev)


def filled() -> Mirror:
    mirror = Mirror("/p")
    keys = [
        kv("id", "a", 1),
        kv("format", "1", 2),
        kv("routes/x", "1", 3),
        kv("services/n/s:80", "2", 4),
        kv("odd", "", 5),
    ]
    mirror.fill(keys, 6)
    return mirror


def test_what_stands_there() -> None:
    mirror = filled()
    assert mirror.state == ("a", "1", {"routes": 1, "services": 1, "certificates": 1}) and mirror.routes_rev == 3
    assert mirror.read(Question("routes", None)) == {"routes": {"x": b"1"}, "rules": {}, "lists": {}, "consumers": {}}
    assert mirror.read(Question("services", frozenset(["n/s:80", "y"]))) == {"services": {"n/s:80": b"2", "y": None}}


def test_changes_come_by_part_and_only_once() -> None:
    mirror = filled()
    events = [kv("routes/y", "1", 7), kv("lists/l", "[]", 7), kv("services/n/s:80", None, 7), kv("history/1", "{}", 7)]
    assert mirror.follow(events) == [Change("routes", 2, ("y", "l")), Change("services", 2, ("n/s:80",))]
    assert mirror.follow(events) == [] and mirror.at == 7 and mirror.routes_rev == 7
    assert mirror.read(Question("services", None)) == {"services": {}}
    assert mirror.follow([kv("rev", "", 9)]) == [] and mirror.routes_rev == 9
    assert mirror.follow([kv("id", None, 10)]) == [] and mirror.state.id == ""  # routes/x and y are there
    mirror.follow([kv("routes/x", None, 11), kv("routes/y", None, 11)])
    assert mirror.state.id == ""
    mirror.follow([kv("lists/l", None, 12)])
    assert mirror.state.id is None and mirror.state.format == "1"


def test_a_certificate_is_no_revision_of_routes() -> None:
    mirror = filled()
    assert mirror.follow([kv("certificates/n/www", "{}", 7)]) == [Change("certificates", 2, ("n/www",))]
    assert mirror.routes_rev == 3 and mirror.mark("certificates", 2) == (7, 3)
    assert mirror.read(Question("certificates", None)) == {"certificates": {"n/www": b"{}"}}


def test_where_a_count_stood() -> None:
    mirror = filled()
    assert mirror.mark("routes", 1) == (6, 3) and mirror.mark("routes", 7) == UNKNOWN
    mirror.follow([kv("services/n/s:80", None, 8)])
    assert mirror.mark("routes", 1) == (8, 3) and mirror.mark("services", 2) == (8, 3)
    mirror.follow([kv("routes/x", "2", 9)])
    assert mirror.mark("routes", 1) == (8, 3) and mirror.mark("routes", 2) == (9, 9)
    mirror.follow([kv("rev", "", 11)])
    assert mirror.mark("routes", 2) == (11, 11)
    for rev in range(12, 14 + MOST):
        mirror.follow([kv("routes/x", "", rev)])
    assert mirror.mark("routes", 2) == UNKNOWN and mirror.mark("services", 2).at == 13 + MOST


def test_what_is_named_comes_the_oldest_first() -> None:
    mirror = filled()
    mirror.follow([kv("history/b", "", 7), kv("history/a", "", 8), kv("history/c", "", 9)])
    mirror.follow([kv("history/c", None, 10)])
    assert [one.key for one in mirror.named("history/")] == ["/p/history/b", "/p/history/a"]


def test_filled_again_everything_counts_as_changed() -> None:
    mirror = filled()
    mirror.fill([kv("id", "b", 20)], 21)
    assert mirror.state == ("b", None, {"routes": 2, "services": 2, "certificates": 2}) and mirror.routes_rev == 0
    assert mirror.read(Question("routes", None))["routes"] == {}


WRITES = st.lists(st.tuples(st.sampled_from(["routes/a", "routes/b", "services/s"]), st.none() | st.text(max_size=2)))


@given(WRITES, st.integers(0, 20), st.lists(st.integers(0, 20)))
def test_whatever_comes_again_it_ends_as_the_store(
    writes: list[tuple[str, str | None]], cut: int, again: list[int]
) -> None:
    events = [kv(name, value, number) for number, (name, value) in enumerate(writes, 1)]
    stands: dict[str, KeyValue] = {}
    for one in events[:cut]:
        stands[one.key] = one
    mirror = Mirror("/p")
    mirror.fill([one for one in stands.values() if one.value is not None], len(events[:cut]))
    for number, one in enumerate(events[cut:]):
        mirror.follow([one])
        if number in again:
            mirror.follow([one])
        stands[one.key] = one
    wanted = {key: one.value for key, one in stands.items() if one.value is not None}
    assert {key: one.value for key, one in mirror.keys.items()} == wanted
