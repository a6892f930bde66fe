"""gwt.testing.zones: as shared memory, on a clock of the test's."""

from __future__ import annotations

import pytest

from gwt.testing.zones import MemoryZone


def test_what_a_zone_does() -> None:
    now = [0.0]
    zone = MemoryZone(lambda: now[0])
    assert zone.get("a") is None and zone.get("a", 5) == 5
    zone.set(b"a", b"1", 10)
    assert zone.get("a") == b"1" and not zone.add("a", b"2") and zone.add("b", 2)
    assert zone.incr("n", 2, ttl=5) == 2 and zone.incr("n", 2, ttl=50) == 4
    assert zone.expire("b", 3) and not zone.expire("x", 3)
    assert zone.ttl("b") == 3 and zone.ttl("x") is None
    now[0] = 5.0
    assert zone.get("n") is None and zone.get("b") is None and zone.get("a") == b"1" and len(zone) == 1
    assert zone.delete("a") and not zone.delete("a")
    zone.set("a", "text")
    with pytest.raises(TypeError):
        zone.incr("a")
    with pytest.raises(TypeError):
        zone.set("a", None)  # type: ignore[arg-type]
