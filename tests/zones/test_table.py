"""gwt.zones.table: slots are found again, the oldest give way, and a writer may die anywhere."""

from __future__ import annotations

from mmap import mmap
from struct import pack

import pytest
from zones.mortal import dying

from gwt.zones.table import STAMP, WAYS, WORD, Table, stride


def a_table(sets: int = 1, words: int = 2, room: int = 16) -> Table:
    return Table(mmap(-1, sets * stride(words, room) * 8), sets, words, room)


def names(count: int) -> list[bytes]:
    return [b"key-%d" % number for number in range(count)]


def test_what_was_claimed_is_found_and_is_empty() -> None:
    table = a_table()
    assert table.find(b"a") == -1
    slot = table.claim(b"a", 5.0)
    assert table.find(b"a") == slot
    assert table.floats[slot + STAMP] == 5.0
    assert [table.floats[slot + WORD], table.floats[slot + WORD + WAYS]] == [0.0, 0.0]
    assert table.find(b"b") == -1


def test_a_slot_that_gave_way_is_empty_for_the_next() -> None:
    table = a_table()
    for number, key in enumerate(names(WAYS + 1), 1):
        slot = table.claim(key, number)
        assert table.floats[slot + WORD] == 0.0
        table.floats[slot + WORD] = 7.0


def test_a_full_set_drops_what_was_used_longest_ago() -> None:
    table = a_table()
    keys = names(WAYS)
    for number, key in enumerate(keys):
        table.claim(key, 100.0 + number)
    table.floats[table.find(keys[0]) + STAMP] = 200.0
    table.claim(b"new", 201.0)
    assert table.find(keys[1]) == -1
    assert all(table.find(key) >= 0 for key in [keys[0], *keys[2:], b"new"])


def test_slots_do_not_overlap() -> None:
    table = a_table(sets=40, words=3, room=24)
    slots = {key: table.claim(key, 1.0) for key in names(300)}
    for number, slot in enumerate(slots.values()):
        for word in range(3):
            table.integers[slot + WORD + word * WAYS] = number * 10 + word
        begin = table.offset(slot)
        table.memory[begin : begin + 24] = b"%024d" % number
    for number, (key, slot) in enumerate(slots.items()):
        if table.find(key) == slot:  # has not given way
            words = [table.integers[slot + WORD + word * WAYS] for word in range(3)]
            assert words == [number * 10 + word for word in range(3)]
            assert table.memory[table.offset(slot) : table.offset(slot) + 24] == b"%024d" % number


def test_a_freed_slot_is_taken_first() -> None:
    table = a_table()
    keys = names(WAYS)
    for key in keys:
        table.claim(key, 50.0)
    free = table.find(keys[7])
    table.drop(free)
    assert table.find(keys[7]) == -1
    assert table.claim(b"new", 1.0) == free


def test_a_hash_astride_two_others_is_not_mistaken() -> None:
    table = a_table()
    id = hash(b"a") or 1
    eight = pack("q", id)
    slot = id >> 40 & 15
    # What the wanted hash looks like, but across a border, and before the real one.
    first = 0 if slot not in (0, 1) else 4
    table.memory[first * 8 + 3 : first * 8 + 11] = eight
    assert table.find(b"a") == -1
    real = 15 if slot != 15 else 14
    table.memory[real * 8 : real * 8 + 8] = eight
    assert table.find(b"a") == real


def test_nearly_all_of_half_as_many_keys_as_slots_are_kept() -> None:
    table = a_table(sets=1000, words=1, room=0)
    keys = names(8000)
    for number, key in enumerate(keys):
        table.claim(key, 1.0 + number)
    assert sum(table.find(key) >= 0 for key in keys) > 0.995 * len(keys)


@pytest.mark.parametrize("writes", range(5))
def test_a_writer_may_die_while_it_claims(writes: int) -> None:
    table = a_table()
    keys = names(WAYS)
    for number, key in enumerate(keys):
        slot = table.claim(key, 100.0 + number)
        table.floats[slot + WORD] = table.floats[slot + WORD + WAYS] = 1.0
    with dying(table, writes):
        table.claim(b"new", 300.0)
        pytest.fail("it lives")
    slot = table.find(b"new")
    if slot >= 0:
        assert (table.floats[slot + WORD], table.floats[slot + WORD + WAYS]) == (0.0, 0.0)
    for key in keys[1:]:
        assert table.floats[table.find(key) + WORD] == 1.0
    old = table.find(keys[0])
    assert old == -1 or table.floats[old + WORD] == 1.0
