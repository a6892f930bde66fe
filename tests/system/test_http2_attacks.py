"""Attacks over HTTP/2: each ends with the attacker's connection closed, little memory gained, and others served."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import pytest
from system.harness import PATIENCE, GatewayProcess, environment, get, ready, simple_route
from system.hostile import ATTACKS, SLOW
from system.raw import resident

GROWTH = 50 * 1024 * 1024
#: Seconds for which nobody minds that the gateway is busy with others; bench/hostile.py looks at the 99 %.
TURN = 0.02
#: Requests of others at least, while an attack goes on: one alone says little of a machine that does other work too.
SAMPLES = 11


class Other:
    """A process of tests/system/hostile.py: what it does holds up nobody here. `first` is what it said first.

    Its lines are read unbuffered: what has come is then what a poll sees.
    """

    def __init__(self, *arguments: object) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("hostile.py")), *map(str, arguments)],
            env=environment(), bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._popen.stdin is not None and self._popen.stdout is not None
        self._input, self._output = self._popen.stdin, self._popen.stdout
        self.first = self._output.readline()
        assert self.first, "it has ended"
        self.closed = True

    def attack(self) -> None:
        """Have it attack once, and wait until it begins."""
        self._input.write(b"\n")
        assert self._output.readline() == b"begun\n"
        self.closed = False

    def wait(self, seconds: float) -> bool:
        """Whether it has been shown out, within `seconds`."""
        if not self.closed and ready(self._output, seconds):
            assert self._output.readline() == b"closed\n", "nobody stops this"
            self.closed = True
        return self.closed

    def __enter__(self) -> Other:
        return self

    def __exit__(self, *_: object) -> None:
        self._popen.kill()
        self._popen.communicate(timeout=PATIENCE)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    settings = {"limits": {"header_timeout": 1, "idle_timeout": 20}}
    with ExitStack() as stack:
        origin = stack.enter_context(Other("origin"))
        documents = simple_route(f"127.0.0.1:{int(origin.first)}")
        gateway = stack.enter_context(GatewayProcess(tmp_path_factory.mktemp("attacks"), documents, settings))
        gateway.quiet = max(worked(gateway) for _ in range(50))  # type: ignore[attr-defined]
        yield gateway


def worked(gateway: GatewayProcess) -> float:
    """Ask as anybody does; the seconds of CPU that the gateway had until its answer, whatever it did with them."""
    with open(f"/proc/{gateway.popen.pid}/task/{gateway.popen.pid}/schedstat", "rb", buffering=0) as ran:
        before = int(ran.read().split()[0])
        assert get(gateway.proxy, "/", host="foo.example.com").status == 200
        ran.seek(0)
        return (int(ran.read().split()[0]) - before) / 1e9


@pytest.mark.parametrize(
    "names", [SLOW, *[(name,) * 3 for name in ATTACKS if name not in SLOW]], ids=lambda names: names[0]
)
def test_attackers_are_shown_out(gateway: GatewayProcess, names: tuple[str, ...]) -> None:
    pid = gateway.popen.pid
    before = most = resident(pid)
    took: list[float] = []
    with ExitStack() as stack:
        attackers = [stack.enter_context(Other("told", gateway.proxy, name)) for name in names]
        while len(took) < SAMPLES:  # those that are soon shown out come again
            for attacker in attackers:
                attacker.attack()
            shown_out = False
            while not shown_out:
                took.append(worked(gateway))
                most = max(most, resident(pid))
                assert len(took) < 5000
                shown_out = all(attacker.wait(0.02) for attacker in attackers)
    assert get(gateway.proxy, "/", host="foo.example.com").status == 200
    assert most - before < GROWTH
    assert median(took) < max(2 * gateway.quiet, TURN)  # type: ignore[attr-defined]
    assert "Traceback" not in gateway.output
