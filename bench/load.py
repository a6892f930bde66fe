"""What benchmarks with real gateways share: a gateway on one core and the load on the other, CPU and memory in /proc.

The load is tests/system/load.py: it checks every answer, and is quick enough to keep a gateway busy.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).resolve().parent
for folder in (HERE.parent, HERE.parent / "tests"):
    sys.path.insert(0, str(folder))

from system.harness import GatewayProcess, write_documents  # noqa: E402 (where it is found is said above)
from system.load import LoadLoop, Report  # noqa: E402

__all__ = ["GatewayProcess", "LoadLoop", "Report", "write_documents"]

TICK = os.sysconf("SC_CLK_TCK")


def cores() -> tuple[int, int]:
    """The cores of the gateway and of the load; the same one where there is no other."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def pin(pid: int, core: int) -> None:
    """All threads of a process run on `core` alone from now on, and so does what it starts."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def members(session: int) -> list[int]:
    """The processes of a gateway: its own, its workers', its spare's and those that parse."""
    found = []
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            fields = stat(int(directory.name))
            if fields and int(fields[3]) == session:
                found.append(int(directory.name))
    return found


def stat(pid: int) -> Sequence[str]:
    """The fields of /proc/PID/stat from the state on; none where the process has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ()


def cpu(session: int) -> float:
    """User and system time of all processes of a gateway, in seconds."""
    used = [stat(pid) for pid in members(session)]
    return sum(int(fields[11]) + int(fields[12]) for fields in used if fields) / TICK


def spent(pid: int) -> tuple[float, float]:
    """User and system time of a gateway's first process, and of its children (those that have ended, too), in s."""
    times = [int(field) / TICK for field in stat(pid)[11:15]]
    here = times[0] + times[1]
    return here, cpu(pid) - here + times[2] + times[3]


def _kib(pid: int, file: str, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/{file}").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def rss(pid: int) -> float:
    """MiB that a process has in memory."""
    return _kib(pid, "status", "VmRSS")


def pss(pid: int) -> float:
    """MiB that a process has in memory, its part of what it shares."""
    return _kib(pid, "smaps_rollup", "Pss")


def connections(pid: int, port: int) -> int:
    """How many established TCP connections to the local `port` a process has."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    wanted = {f"socket:[{row[9]}]" for row in rows if row[3] == "01" and int(row[1].split(":")[1], 16) == port}
    found = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found += os.readlink(descriptor) in wanted
    return found


class Subject:
    """A gateway under load: the CPU that a request costs, in µs, round by round."""

    def __init__(self, name: str, gateway: GatewayProcess, hosts: Sequence[bytes]) -> None:
        self.name, self.gateway, self.hosts = name, gateway, hosts
        self.costs: list[float] = []
        self.failed = 0

    def settle(self, core: int) -> None:
        """Once loaded, it has `core`."""
        for pid in members(self.gateway.popen.pid):
            pin(pid, core)

    def round(self, loop: LoadLoop, requests: int, count: bool = True) -> None:
        """One round; not counted: to warm up."""
        before = cpu(self.gateway.popen.pid)
        report = loop.run(self.gateway.proxy, self.hosts, requests)
        used = cpu(self.gateway.popen.pid) - before
        self.failed += report.failed.total()
        if report.failed:
            print(f"{self.name}: {dict(report.failed)}")
        if count:
            self.costs.append(1e6 * used / requests)

    def row(self) -> str:
        """A line of the table."""
        rounds = " ".join(f"{cost:6.1f}" for cost in self.costs)
        return f"{self.name:>20} {min(self.costs):8.1f} µs  ({rounds})  failed {self.failed}"


def compare(loop: LoadLoop, first: Subject, second: Subject, rounds: int, requests: int, bar: float) -> float:
    """Alternate; print both and the ratio of the least costs of `second` and `first`."""
    for subject in (first, second):
        subject.round(loop, requests // 2, count=False)
    for number in range(rounds):
        for subject in (first, second) if number % 2 else (second, first):
            subject.round(loop, requests)
    print(f"{'CPU a request':>20} {'least':>8}     rounds")
    for subject in (first, second):
        print(subject.row())
    ratio = min(second.costs) / min(first.costs)
    print(f"ratio {second.name} / {first.name}: {ratio:.2f} (at most {bar})")
    return ratio
