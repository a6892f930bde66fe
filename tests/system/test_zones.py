"""Zones in real processes: atomic over workers, and no worker's death blocks or breaks anything."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from system.harness import PATIENCE, environment
from system.limiting import rest_of

from gwt.zones.arena import Memory

COUNT = """
import sys
from gwt.zones.arena import SharedArena
from gwt.zones.zone import Zone
zone = Zone.of(SharedArena(int(sys.argv[1])), "z", 1000, 200)
name, times = sys.argv[2], int(sys.argv[3])
for step in range(times):
    zone.incr("total")
    zone.incr(name)
    zone.set("text", name * 20)
    zone.set(f"{name} {step % 50}", step)
    zone.add("first", name)
    if step == 0:
        print("ready", flush=True)  # it has counted
print("done", flush=True)
"""

HOLD = """
import sys
from gwt.zones.arena import SharedArena
table = SharedArena(int(sys.argv[1])).table("zone z", 1000, 3, 200)
table.lock()
print("ready", flush=True)
sys.stdin.read()
"""


class Node:
    """The memory of a node, and processes that share it."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.popen: list[subprocess.Popen[str]] = []

    def start(self, code: str, *arguments: object) -> subprocess.Popen[str]:
        """A process that has said `ready`."""
        popen = subprocess.Popen(
            [sys.executable, "-c", code, str(self.memory.descriptor), *map(str, arguments)],
            env=environment({"PYTHONHASHSEED": self.memory.seed}), pass_fds=[self.memory.descriptor],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.popen.append(popen)
        assert popen.stdout is not None
        assert popen.stdout.readline() == "ready\n"
        return popen


READ = """
import json, sys
from gwt.zones.arena import SharedArena
from gwt.zones.zone import Zone
zone = Zone.of(SharedArena(int(sys.argv[1])), "z", 1000, 200)
print("ready", flush=True)
print(json.dumps([zone.get(key) for key in sys.argv[2:]]))
"""


@pytest.fixture
def node() -> Iterator[Node]:
    memory = Memory.make()
    made = Node(memory)
    yield made
    os.close(memory.descriptor)
    for popen in made.popen:
        with popen:
            popen.kill()


def read(node: Node, *keys: str) -> list:
    """What a new process finds."""
    return list(json.loads(rest_of(node.start(READ, *keys), PATIENCE)))


def test_no_count_is_lost(node: Node) -> None:
    workers = [node.start(COUNT, name, 3000) for name in "abcd"]
    for worker in workers:
        assert rest_of(worker, PATIENCE) == "done\n"
    total, *each, text, first = read(node, "total", *"abcd", "text", "first")
    assert total == 4 * 3000
    assert each == [3000] * 4
    assert text in [name * 20 for name in "abcd"]
    assert first in "abcd"


def test_workers_that_are_killed_in_the_middle_break_nothing(node: Node) -> None:
    """Each dies at a moment of its own; the last one counts to the end."""
    chance = random.Random(7)
    names = [f"w{number}" for number in range(8)]
    for name in names:
        victim = node.start(COUNT, name, 10**9)
        with pytest.raises(subprocess.TimeoutExpired):
            victim.wait(0.05 + chance.random() / 20)
        victim.kill()
        victim.wait(PATIENCE)
    survivor = node.start(COUNT, "last", 2000)
    assert rest_of(survivor, PATIENCE) == "done\n"
    total, last, text, *each = read(node, "total", "last", "text", *names)
    assert last == 2000
    assert text == "last" * 20
    assert all(count > 0 for count in each)
    assert 0 <= total - last - sum(each) <= len(names)


def test_a_worker_that_dies_with_the_lock_frees_it(node: Node) -> None:
    holder = node.start(HOLD)
    other = ThreadPoolExecutor(1)
    blocked = other.submit(node.start, COUNT, "other", 10)
    with pytest.raises(TimeoutError):
        blocked.result(0.5)
    holder.kill()
    assert rest_of(blocked.result(PATIENCE), PATIENCE) == "done\n"
    other.shutdown()
    assert read(node, "other") == [10]
