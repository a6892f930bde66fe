"""Attacks from clients, faults of upstreams, each beside a well-behaved client that must not notice.

For each: the good client's worst latency is under 250 ms, none of its requests fails, and memory has grown by less than
64 MiB since before the first attack. Attackers, faulty upstreams, the good client and its upstream are processes of
their own, so that nobody but the gateway can keep the good client waiting; what the machine adds is measured and does
not count.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from system.attackers import ATTACKS, FAULTS
from system.harness import PATIENCE, GatewayProcess, get, poll
from system.raw import GoodClient, TooSlow, descriptors, one_good_run, resident

HERE = Path(__file__).parent
#: Seconds that an attack lasts.
LASTS = 2.0
#: The bars: seconds, bytes.
LATENCY, GROWTH = 0.25, 64 * 1024 * 1024
#: Descriptors that may stay open, of kept connections to upstreams.
KEPT = 150


class Attacked:
    """A gateway, and what it was like before it was attacked."""

    def __init__(self, gateway: GatewayProcess, good: GoodClient) -> None:
        self.gateway, self.good = gateway, good
        self.pid = gateway.popen.pid
        for _ in range(100):  # what is made once, is made
            assert get(gateway.proxy, "/", host="foo.example.com").status == 200
        self.memory, self.descriptors = resident(self.pid), descriptors(self.pid)

    def by(self, name: str) -> dict[str, float]:
        """Attack; what the good client saw, and `grown`, the most memory gained, in bytes."""
        assert get(self.gateway.proxy, "/", host="foo.example.com").status == 200  # whoever came before was served
        with attackers(name, self.gateway.proxy) as child:
            assert child.stdout is not None
            self.good.watch(self.gateway.proxy, self.pid)
            assert child.stdout.readline() == "risen\n"
            most, pause = 0, threading.Event()
            for _ in range(round(LASTS / 0.05)):
                pause.wait(0.05)
                most = max(most, resident(self.pid))
            seen = self.good.report()
            said, _ = child.communicate(timeout=2 * PATIENCE)
            assert child.returncode == 0 and int(said) > 0, "the attack did not do what it should"
        poll(lambda: descriptors(self.pid) < self.descriptors + KEPT)
        return {**seen, "grown": most - self.memory}


@contextmanager
def attackers(name: str, port: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(HERE / "attackers.py"), name, str(port)]
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            yield child
        finally:
            child.kill()


@pytest.fixture(scope="module")
def villains() -> Iterator[dict[str, str]]:
    """Upstreams of all kinds: name -> address."""
    command = [sys.executable, str(HERE / "villains.py")]
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        try:
            yield json.loads(child.stdout.readline())
        finally:
            child.kill()


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory, villains: dict[str, str]) -> Iterator[Attacked]:
    with GoodClient() as good:
        upstreams = {"good": [good.address], "dead": ["127.0.0.1:1"]} | {k: [v] for k, v in villains.items()}
        impatient = {name: {} if name == "good" else {"access": {"timeout": 1}} for name in upstreams}
        services = [{"upstream": name, "paths": [{"uri": f"/{name}", **more}]} for name, more in impatient.items()]
        conditions = [["arg_zz", "==", "1"], ["cookie_zz", "==", "1"]]
        paths = [
            {"uri": "/"},
            {"uri": "/conditional", "vars": conditions},
            {"uri": "^/a+[a-z]*/(x|y)", "match": "regex"},
        ]
        documents = [
            {
                "name": "attacked",
                "hosts": ["foo.example.com"],
                "services": [*services, {"upstream": "ok", "paths": paths}],
            },
            {"upstreams": upstreams},
        ]
        settings = {"limits": {"header_timeout": 1, "idle_timeout": 20}}
        with GatewayProcess(tmp_path_factory.mktemp("attacks"), documents, settings) as gateway:
            yield Attacked(gateway, good)


@pytest.mark.parametrize("name", [*ATTACKS, *FAULTS])
def test_a_good_client_does_not_notice(attacked: Attacked, name: str) -> None:
    def run() -> None:
        seen = attacked.by(name)
        print(f"{name}: {seen}")
        assert seen["failed"] == 0, seen
        assert seen["done"] >= 10, seen
        assert seen["grown"] < GROWTH, seen
        if seen["worst"] >= LATENCY:
            raise TooSlow(name, seen)

    one_good_run(run)


def test_the_gateway_says_nothing_of_errors_of_its_own(attacked: Attacked) -> None:
    assert "Traceback" not in attacked.gateway.output
