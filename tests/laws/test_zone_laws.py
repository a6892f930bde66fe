"""Laws of zones: several workers on one memory are one dict whose entries expire."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from gwt.zones.arena import Memory, SharedArena
from gwt.zones.zone import Zone, ZoneError

keys = st.sampled_from(["a", "b", "key é", "x" * 40])
values = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.binary(max_size=24), st.text("aé", max_size=12)
)
lives = st.one_of(st.none(), st.integers(1, 20))
steps = st.one_of(st.integers(-5, 5), st.just(2**62))


class Workers(RuleBasedStateMachine):
    """Three workers; `known` is what a dict would hold: key -> (value, when it expires)."""

    def __init__(self) -> None:
        super().__init__()
        memory = Memory.make()
        self.now = 1000.0
        self.zones = [Zone.of(SharedArena(memory.descriptor), "z", 4096, 64, lambda: self.now) for _ in range(3)]
        os.close(memory.descriptor)
        self.known: dict[str, tuple[Any, float]] = {}

    def there(self, key: str) -> Any:
        value, until = self.known.get(key, (None, 0.0))
        return value if until > self.now else None

    def put(self, key: str, value: Any, ttl: float | None) -> None:
        self.known[key] = value, float("inf") if ttl is None else self.now + ttl

    @rule(seconds=st.integers(0, 10))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(worker=st.integers(0, 2), key=keys, value=values, ttl=lives)
    def set(self, worker: int, key: str, value: Any, ttl: float | None) -> None:
        self.zones[worker].set(key, value, ttl)
        self.put(key, value, ttl)

    @rule(worker=st.integers(0, 2), key=keys, value=values, ttl=lives)
    def add(self, worker: int, key: str, value: Any, ttl: float | None) -> None:
        fresh = self.there(key) is None
        assert self.zones[worker].add(key, value, ttl) == fresh
        if fresh:
            self.put(key, value, ttl)

    @rule(worker=st.integers(0, 2), key=keys, by=steps, ttl=lives)
    def incr(self, worker: int, key: str, by: int, ttl: float | None) -> None:
        before = self.there(key)
        if before is None:
            assert self.zones[worker].incr(key, by, ttl=ttl) == by
            self.put(key, by, ttl)
            return
        try:
            total = self.zones[worker].incr(key, by)
        except ZoneError:
            whole = isinstance(before, int)
            assert not isinstance(before, int | float) or (whole and not -(2**63) <= before + by < 2**63)
            return
        assert total == before + by
        self.known[key] = total, self.known[key][1]

    @rule(worker=st.integers(0, 2), key=keys, ttl=lives)
    def expire(self, worker: int, key: str, ttl: float | None) -> None:
        value = self.there(key)
        assert self.zones[worker].expire(key, ttl) == (value is not None)
        if value is not None:
            self.put(key, value, ttl)

    @rule(worker=st.integers(0, 2), key=keys)
    def ttl(self, worker: int, key: str) -> None:
        left = None if self.there(key) is None else self.known[key][1] - self.now
        assert self.zones[worker].ttl(key) == left

    @rule(worker=st.integers(0, 2), key=keys)
    def delete(self, worker: int, key: str) -> None:
        assert self.zones[worker].delete(key) == (self.there(key) is not None)
        self.known.pop(key, None)

    @rule(key=keys)
    def get(self, key: str) -> None:
        expected = self.there(key)
        for zone in self.zones:
            got = zone.get(key)
            assert got == expected
            assert type(got) is type(expected)


TestWorkers = Workers.TestCase
TestWorkers.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
