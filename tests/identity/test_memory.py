"""gwt.identity.memory: bounded in entries and bytes, and what is in use stays."""

from __future__ import annotations

from gwt.identity.memory import _ENTRY, Memory


def memory(entries: int = 100, size: int = 1 << 20, weight: int = 0) -> Memory[int]:
    return Memory(entries, size, lambda value: weight)


def test_what_was_put_is_found() -> None:
    found = memory()
    found.put(b"a", 1)
    assert found.get(b"a") == 1 and found.young[b"a"] == 1 and found.get(b"b") is None
    found.put(b"a", 2)
    assert found.get(b"a") == 2 and len(found) == 1
    found.discard(b"a")
    assert found.get(b"a") is None and len(found) == 0
    found.discard(b"a")


def test_entries_are_bounded_and_what_is_used_stays() -> None:
    found = memory(entries=100)
    found.put(b"used", 7)
    for number in range(10_000):
        found.put(b"%d" % number, number)
        assert len(found) <= 100
        if number % 20 == 0:
            assert found.get(b"used") == 7
    assert found.get(b"9999") == 9999 and found.get(b"0") is None


def test_bytes_are_bounded() -> None:
    found = memory(entries=10**6, size=100_000, weight=1000)
    for number in range(1000):
        found.put(b"%064d" % number, number)
        assert len(found) * (_ENTRY + 64 + 1000) <= 100_000
    assert len(found) > 40


def test_what_is_out_of_proportion_is_not_held() -> None:
    found = memory(size=10_000)
    found.put(b"small", 1)
    found.put(b"x" * 3000, 2)
    assert found.get(b"x" * 3000) is None and found.get(b"small") == 1


def test_putting_the_same_again_takes_no_more_room() -> None:
    found = memory(entries=100, size=10_000)
    found.put(b"other", 1)
    for number in range(1000):
        found.put(b"same", number)
    assert found.young == {b"other": 1, b"same": 999}


def test_an_old_one_that_is_put_again_is_there_once() -> None:
    found = memory(entries=4)
    for key in (b"a", b"b", b"c"):
        found.put(key, 1)
    assert b"a" not in found.young
    found.put(b"a", 2)
    assert found.get(b"a") == 2 and len(found) <= 4
