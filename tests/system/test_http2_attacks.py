"""Attacks over HTTP/2: each ends with the attacker's connection closed, little memory gained, and others served."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import pytest
from system.harness import GatewayProcess, get, simple_route
from system.hostile import ATTACKS, SLOW, Attacker, serve
from system.raw import RawOrigin, resident

GROWTH = 50 * 1024 * 1024
#: Seconds for which nobody minds that the gateway is busy with others; bench/hostile.py looks at the 99 %.
TURN = 0.02
#: Requests of others at least, while an attack goes on: one alone says little of a machine that does other work too.
SAMPLES = 11


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    documents = simple_route(RawOrigin(serve).address)
    settings = {"limits": {"header_timeout": 1, "idle_timeout": 20}}
    with GatewayProcess(tmp_path_factory.mktemp("attacks"), documents, settings) as gateway:
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
    while len(took) < SAMPLES:  # those that are soon shown out come again
        attackers = [Attacker(gateway.proxy, name) for name in names]
        for attacker in attackers:
            attacker.start()
        shown_out = False
        while not shown_out:
            took.append(worked(gateway))
            most = max(most, resident(pid))
            assert len(took) < 5000
            shown_out = all(attacker.closed.wait(0.02) for attacker in attackers)
    assert get(gateway.proxy, "/", host="foo.example.com").status == 200
    assert most - before < GROWTH
    assert median(took) < max(2 * gateway.quiet, TURN)  # type: ignore[attr-defined]
    assert "Traceback" not in gateway.output
