"""gwt.zones.arena: tables by name, in this process alone or for all that hold the memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from descriptors import opened
from system.harness import PATIENCE, environment

from gwt.zones import arena as module
from gwt.zones.arena import Arena, ArenaError, Memory, PrivateArena, SharedArena
from gwt.zones.table import WORD


@pytest.fixture
def memory() -> Iterator[Memory]:
    made = Memory.make()
    yield made
    os.close(made.descriptor)


@pytest.fixture(params=["private", "shared"])
def arena(request: pytest.FixtureRequest, memory: Memory) -> Arena:
    return PrivateArena() if request.param == "private" else SharedArena(memory.descriptor)


def test_a_name_means_one_table(arena: Arena) -> None:
    table = arena.table("a", 100, 2, 20)
    assert table.slots == 112
    assert arena.table("a", 100, 2, 20) is table
    other = arena.table("b", 100, 2, 20)
    table.claim(b"key", 1.0)
    assert other.find(b"key") == -1


@pytest.mark.parametrize("shape", [(200, 2, 20), (100, 3, 20), (100, 2, 40)])
def test_a_name_means_one_shape(arena: Arena, shape: tuple[int, int, int]) -> None:
    arena.table("a", 100, 2, 20)
    with pytest.raises(ArenaError, match="the zone 'a' has 112 slots of 2 numbers and 24 bytes, and can't"):
        arena.table("a", *shape)


def test_only_what_may_be_shared_is_locked(memory: Memory) -> None:
    assert PrivateArena().table("a", 1, 1).lock is None
    assert SharedArena(memory.descriptor).table("a", 1, 1).lock is not None


def test_whoever_holds_the_memory_sees_the_same_tables(memory: Memory) -> None:
    one, two = SharedArena(memory.descriptor), SharedArena(memory.descriptor)
    one.table("a", 100, 1)
    mine, other = one.table("b", 100, 1), two.table("b", 100, 1)
    assert mine is not other
    mine.floats[mine.claim(b"key", 1.0) + WORD] = 7.5
    assert other.floats[other.find(b"key") + WORD] == 7.5
    assert two.table("a", 100, 1).find(b"key") == -1
    with pytest.raises(ArenaError):
        two.table("b", 100, 2)


def test_the_memory_is_taken_only_where_it_is_written(memory: Memory) -> None:
    table = SharedArena(memory.descriptor).table("large", 2_000_000, 6)
    table.claim(b"key", 1.0)
    status = os.fstat(memory.descriptor)
    assert status.st_size > 2_000_000 * 64
    assert status.st_blocks * 512 < 64 * 1024


@pytest.mark.parametrize("name", ["", "x" * 49, "é" * 25])
def test_a_name_must_fit(memory: Memory, name: str) -> None:
    with pytest.raises(ArenaError, match="has 1 to 48 bytes"):
        SharedArena(memory.descriptor).table(name, 1, 1)


def test_there_is_an_end_to_tables(memory: Memory) -> None:
    arena = SharedArena(memory.descriptor)
    for number in range(module.MAX_TABLES):
        arena.table(f"table {number}", 1, 1)
    with pytest.raises(ArenaError, match="no place for the zone 'another'"):
        arena.table("another", 1, 1)
    assert SharedArena(memory.descriptor).table(f"table {module.MAX_TABLES - 1}", 1, 1).slots == 16


OPEN = "import sys; from gwt.zones.arena import SharedArena; SharedArena(int(sys.argv[1]))"


def opened_with(seed: str, memory: Memory) -> str:
    """What a process with this seed says when it opens the memory."""
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(memory.descriptor)], env=environment({"PYTHONHASHSEED": seed}),
        pass_fds=[memory.descriptor], capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    return done.stderr


def test_a_process_that_hashes_otherwise_is_turned_away(memory: Memory) -> None:
    assert opened_with(memory.seed, memory) == ""
    assert opened_with(memory.seed, memory) == ""
    assert "need the same PYTHONHASHSEED" in opened_with(str(int(memory.seed) % 4000 + 1), memory)


def test_what_is_open_is_closed_with_the_last_table(memory: Memory) -> None:
    before = opened("/memfd:gwt-zones")
    table = SharedArena(memory.descriptor).table("a", 16, 1)
    assert opened("/memfd:gwt-zones") > before
    assert table.lock is not None
    table.lock()
    del table
    assert opened("/memfd:gwt-zones") == before
    other = SharedArena(memory.descriptor).table("a", 16, 1)
    assert other.find(b"k") == -1


def test_every_memory_has_a_seed_of_its_own() -> None:
    made = [Memory.make() for _ in range(3)]
    for one in made:
        os.close(one.descriptor)
    assert len({one.seed for one in made}) == 3
    assert all(1 <= int(one.seed) < 2**32 for one in made)
