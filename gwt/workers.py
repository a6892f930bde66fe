"""Workers: children that serve on sockets which their supervisor has bound.

The supervisor keeps every listening socket open, so that connections wait in the queue of a worker that died until
its replacement accepts them. A worker gets its `Assignment` and orders over a pipe whose end is also the sign that
the supervisor is gone, and reports over another; both carry one JSON object a line.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger

from gwt.zones.arena import Memory

#: A worker that served for this many seconds was healthy: its death says nothing about the next one's.
HEALTHY = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
#: Descriptors from here on are systemd's (LISTEN_FDS), then come the two pipes, then the sockets.
FIRST_FD = 3
MAX_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a worker is told. `sockets` holds (key, descriptors) pairs; `config` is gateway.yaml's path.

    `text` is what the supervisor has read there, so that all workers of a generation agree; `metrics` is the
    directory that all workers share, `zones` the descriptor of the memory that they share, `tickets` what all seal
    TLS tickets with, in hexadecimal. `unused` are descriptors that belong to others.
    """

    index: int
    config: str
    text: str
    metrics: str
    log_format: str = "text"
    sockets: Sequence[tuple[Any, Sequence[int]]] = ()
    unused: Sequence[int] = ()
    zones: int = -1
    tickets: str = ""

    def encode(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Assignment:
        """The inverse of `encode`; socket keys become tuples again."""
        told = json.loads(line)
        told["sockets"] = tuple((tuple(key), tuple(fds)) for key, fds in told["sockets"])
        told["unused"] = tuple(told["unused"])
        return cls(**told)


@dataclass(slots=True)
class Backoff:
    """How long to wait before a slot's next worker: at first hardly, then doubling while they die young."""

    pause: float = 0.0

    def after(self, served: float) -> float:
        """The pause after a worker that served for `served` seconds (0: it never became ready)."""
        self.pause = FIRST_PAUSE if served >= HEALTHY or not self.pause else min(self.pause * 2, LONGEST_PAUSE)
        return self.pause


class Lines:
    """Splits a stream of bytes into lines; what exceeds MAX_LINE without an end is dropped."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            self._rest = b""
        return lines


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start the process of a worker that may become any of them: it inherits every socket.

    `reactor` is a module with `install()`; `systemd` counts descriptors that systemd has opened; `numbers` are the
    child's descriptors by socket key, `zones` is that of the shared memory, `child_fds` is spawnProcess's childFDs.
    """

    reactor: str
    systemd: int
    numbers: Mapping[Any, Sequence[int]]
    zones: int
    seed: str
    child_fds: Mapping[int, Any]

    @property
    def control(self) -> int:
        """The child's descriptor for orders; the next one is for its reports."""
        return FIRST_FD + self.systemd

    def argv(self) -> list[str]:
        """The interpreter with this process's own module search path, so that it runs the same code."""
        arguments = f"{self.control}, {self.reactor!r}, {self.systemd}"
        code = f"import sys; sys.path[:] = {sys.path!r}; from gwt.process.worker import main; main({arguments})"
        return [sys.executable, "-P", "-c", code]

    def environment(self) -> dict[str, str]:
        """That of this process, but that all workers hash alike."""
        return {**os.environ, "PYTHONHASHSEED": self.seed}

    def assign(self, told: Assignment, index: int, count: int) -> Assignment:
        """`told` for worker `index` (from 0) of `count`: its sockets of each kind, or the one that all share."""
        mine = {key: fds[index::count] if len(fds) > 1 else fds for key, fds in self.numbers.items()}
        taken = {fd for fds in mine.values() for fd in fds}
        unused = tuple(fd for fds in self.numbers.values() for fd in fds if fd not in taken)
        return replace(told, index=index + 1, sockets=tuple(mine.items()), unused=unused, zones=self.zones)


def launch(reactor: str, systemd: int, sockets: Mapping[Any, Sequence[Any]], null: int, memory: Memory) -> Launch:
    """Number the descriptors of a child; `null` is an open /dev/null for its standard input."""
    fds: dict[int, Any] = {0: null, 1: 1, 2: "r"}
    fds.update({FIRST_FD + n: FIRST_FD + n for n in range(systemd)})
    fds[FIRST_FD + systemd] = "w"
    fds[FIRST_FD + systemd + 1] = "r"
    numbers: dict[Any, list[int]] = {}
    for key, socks in sockets.items():
        numbers[key] = list(range(len(fds), len(fds) + len(socks)))
        fds.update(zip(numbers[key], (sock.fileno() for sock in socks), strict=True))
    zones = len(fds)
    fds[zones] = memory.descriptor
    return Launch(reactor, systemd, numbers, zones, memory.seed, fds)


class Worker(ProcessProtocol):
    """One child. `ready` fires with its report, or fails with WorkerDied; `ended` fires with how it ended.

    Until it is told its assignment it loads what it needs and waits.
    """

    log = Logger("gwt.workers")

    def __init__(self, reactor: Any, start: Launch) -> None:
        self._reactor, self.launch = reactor, start
        self._assignment: Assignment | None = None
        self._reports, self._errors = Lines(), Lines()
        self.ready_at: float | None = None
        self.pid: int | None = None
        self.draining = False
        self.fatal: str | None = None
        self.brief = ""
        self.ready: Deferred[dict[str, Any]] = Deferred()
        self.ended: Deferred[str] = Deferred()
        self.on_report: Callable[[dict[str, Any]], None] = lambda report: None

    @property
    def name(self) -> str:
        return "the spare worker" if self._assignment is None else f"worker {self._assignment.index}"

    def served(self) -> float:
        """Seconds since it became ready, 0 if it never was."""
        return 0.0 if self.ready_at is None else self._reactor.seconds() - self.ready_at

    def spawn(self) -> None:
        """Start the process."""
        start = self.launch
        argv = start.argv()
        self._reactor.spawnProcess(self, argv[0], argv, start.environment(), childFDs=dict(start.child_fds))

    def connectionMade(self) -> None:
        self.pid = getattr(self.transport, "pid", None)

    def assign(self, told: Assignment, index: int, count: int) -> None:
        """Make it worker `index` (from 0) of `count`."""
        self._assignment = self.launch.assign(told, index, count)
        self._tell(self._assignment.encode())

    def order(self, **what: Any) -> None:
        """Tell the worker something; nothing happens if it is gone."""
        self._tell(json.dumps(what).encode() + b"\n")

    def _tell(self, line: bytes) -> None:
        pipes = getattr(self.transport, "pipes", {})
        if self.launch.control in pipes:
            pipes[self.launch.control].write(line)

    def drain(self, delay: float, replaced: bool = False) -> None:
        """Have it finish what it has, from `delay` seconds on accept nothing more, and end.

        `replaced`: others serve on, and may have the admin listener at once.
        """
        self.draining = True
        self.order(drain=delay, replaced=replaced)

    def kill(self) -> None:
        """End it at once."""
        try:
            if self.transport is not None:
                self.transport.signalProcess("KILL")
        except ProcessExitedAlready:
            return

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        if childFD == 2:
            for line in self._errors.feed(data):
                text = line.decode("utf-8", "replace")
                self.log.info("{name}: {relayed}", name=self.name, relayed=text)
            return
        for line in self._reports.feed(data):
            self._reported(json.loads(line))

    def _reported(self, report: dict[str, Any]) -> None:
        if "fatal" in report:
            self.fatal, self.brief = report["fatal"], report.get("brief", "")
        elif "ready" in report and self.ready_at is None:
            self.ready_at = self._reactor.seconds()
            self.ready.callback(report["ready"])
        else:
            self.on_report(report)

    def processEnded(self, reason: Any) -> None:
        how = self.fatal or how_it_ended(reason.value)
        if self.ready_at is None and not self.ready.called:
            self.ready.errback(WorkerDied(how, self.brief))
        self.ended.callback(how)


class WorkerDied(Exception):
    """A worker ended before it was ready; the text says how, `brief` does in one line where that is known."""

    def __init__(self, how: str, brief: str = "") -> None:
        super().__init__(how)
        self.brief = brief or how


def how_it_ended(status: Any) -> str:
    """The end of a process for people: `killed by SIGKILL`, `exit status 3`."""
    if getattr(status, "signal", None):
        return f"killed by {signal.Signals(status.signal).name}"
    return f"exit status {getattr(status, 'exitCode', None) or 0}"
