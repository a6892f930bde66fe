"""gwt.zones.zone: a dict that is shared, bounded and atomic."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from math import inf
from typing import Any

import pytest
from zones.keys import newest
from zones.mortal import dying

from gwt.zones.arena import ArenaError, Memory, PrivateArena, SharedArena
from gwt.zones.table import Table
from gwt.zones.zone import Zone, ZoneError, Zones


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture(params=["private", "shared"])
def zone(request: pytest.FixtureRequest, time: Time) -> Iterator[Zone]:
    memory = Memory.make()
    arena = PrivateArena() if request.param == "private" else SharedArena(memory.descriptor)
    yield Zone.of(arena, "z", 1000, 50, time)
    os.close(memory.descriptor)


@pytest.mark.parametrize(
    "value", [0, 1, -5, 2**63 - 1, -(2**63), 0.5, float("inf"), b"", b"\0bytes\xff", "", "text é", b"x" * 55], ids=repr
)
def test_what_is_put_is_got(zone: Zone, value: Any) -> None:
    zone.set("k", value)
    assert zone.get("k") == value
    assert type(zone.get("k")) is type(value)


def test_text_and_bytes_are_the_same_key(zone: Zone) -> None:
    zone.set("é", 1)
    assert zone.get("é".encode()) == 1


def test_what_is_not_there(zone: Zone) -> None:
    assert zone.get("k") is None
    assert zone.get("k", 7) == 7
    assert not zone.delete("k")
    assert not zone.expire("k", 5)
    assert zone.ttl("k") is None


def test_a_value_takes_the_place_of_another_of_any_kind(zone: Zone) -> None:
    for value in (1, b"abc", 2.5, "x", 3):
        zone.set("k", value)
        assert zone.get("k") == value


def test_add_does_not_overwrite(zone: Zone, time: Time) -> None:
    assert zone.add("k", 1, ttl=5)
    assert not zone.add("k", 2)
    assert zone.get("k") == 1
    time.now += 5
    assert zone.add("k", 3)
    assert zone.get("k") == 3


def test_numbers_count_up_and_down(zone: Zone) -> None:
    assert zone.incr("n") == 1
    assert zone.incr("n", 10) == 11
    assert zone.incr("n", -12) == -1
    assert zone.get("n") == -1
    assert zone.incr("other", 1, init=100) == 101
    assert zone.incr("f", 0.5, init=0.0) == 0.5
    assert zone.incr("f", 1) == 1.5


def test_what_can_not_be_counted_up_says_so_and_stays(zone: Zone) -> None:
    zone.set("text", "x")
    zone.set("int", 1)
    zone.set("most", 2**63 - 1)
    for key, by, why in (("text", 1, "no number"), ("int", 0.5, "use 1.0 from the start"), ("most", 1, "64 bits")):
        before = zone.get(key)
        with pytest.raises(ZoneError, match=why):
            zone.incr(key, by)
        assert zone.get(key) == before


def test_entries_expire(zone: Zone, time: Time) -> None:
    zone.set("k", 1, ttl=2.5)
    time.now += 2.4
    assert zone.get("k") == 1
    assert zone.incr("k") == 2, "counting does not prolong a life"
    assert zone.ttl("k") == pytest.approx(0.1)
    time.now += 0.1
    assert zone.get("k") is None
    assert zone.incr("k", ttl=1) == 1
    assert zone.expire("k", 100)
    time.now += 99
    assert zone.get("k") == 1
    assert zone.expire("k", None)
    assert zone.ttl("k") == inf
    time.now += 1e9
    assert zone.get("k") == 1


def test_zones_are_had_by_name_and_made_once() -> None:
    arena = PrivateArena()
    zones, again = Zones(arena), Zones(arena)
    zones["a"].set("k", 1)
    assert zones["a"] is zones["a"] and again["a"].get("k") == 1 and zones["b"].get("k") is None
    with pytest.raises(ArenaError):
        zones["x" * 100].delete("k")


def test_delete(zone: Zone) -> None:
    zone.set("k", 1)
    assert zone.delete("k")
    assert zone.get("k") is None
    assert not zone.delete("k")


@pytest.mark.parametrize("value", [None, True, [1], 2**63, -(2**63) - 1, b"x" * 56, "é" * 28], ids=repr)
def test_what_does_not_fit_is_refused(zone: Zone, value: Any) -> None:
    zone.set("k", "before")
    for put in (zone.set, zone.add):
        with pytest.raises(ZoneError):
            put("k", value)
    assert zone.get("k") == "before"


def test_a_key_has_to_fit_too(zone: Zone) -> None:
    with pytest.raises(ZoneError, match=r"a key of 57 and a value of 0 bytes, and there is room for 56 together"):
        zone.set("k" * 57, 1)


def test_the_newest_stay(zone: Zone, time: Time) -> None:
    for number in range(5000):
        time.now += 1
        zone.set(f"k{number}", number)
        zone.get("k0")
    kept = [number for number in range(5000) if zone.get(f"k{number}") == number]
    assert kept[0] == 0, "it was used all the time"
    assert {b"k%d" % number for number in kept} == newest([b"k%d" % number for number in [*range(1, 5000), 0]], 63)


def test_another_key_with_the_same_hash_is_not_mistaken(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    zone.set("one", 1)
    slot = zone._table.find(b"one")
    monkeypatch.setattr(Table, "find", lambda self, key: slot)
    assert zone.get("two") is None
    assert not zone.delete("two")


CHANGES: dict[str, Callable[[Zone], object]] = {
    "set": lambda zone: zone.set("k", "new value"),
    "set a number": lambda zone: zone.set("k", 7),
    "add": lambda zone: zone.add("other", b"new"),
    "incr": lambda zone: zone.incr("n", 1000),
    "incr anew": lambda zone: zone.incr("m", 5),
    "expire": lambda zone: zone.expire("k", 50),
    "delete": lambda zone: zone.delete("k"),
}
BEFORE = {"k": "old", "n": 2**40, "other": None, "m": None}
AFTER = {
    "set": {"k": "new value"}, "set a number": {"k": 7}, "add": {"other": b"new"}, "incr": {"n": 2**40 + 1000},
    "incr anew": {"m": 5}, "expire": {"k": "old"}, "delete": {"k": None},
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("writes", range(12))
def test_a_worker_that_dies_in_the_middle_leaves_old_new_or_nothing(time: Time, name: str, writes: int) -> None:
    zone = Zone.of(PrivateArena(), "z", 16, 50, time)
    for key, value in BEFORE.items():
        if value is not None:
            zone.set(key, value)
    with dying(zone._table, writes) as life:
        CHANGES[name](zone)
    whole = life.left > 0
    for key, value in BEFORE.items():
        new = AFTER[name].get(key, value)
        got = zone.get(key)
        assert got == new if whole else got in (value, new, None), (key, got)
    for key in BEFORE:
        zone.set(key, "goes on")
        assert zone.get(key) == "goes on"
