"""What attacks over HTTP/2 cost others: `python bench/hostile.py [SECONDS] [NAME...]`.

The gateway has one core; eight clients that ask some 500 times a second together, their origin and one attacker the
other. An attacker who is shown out comes again after a second. Quiet and attacked turns alternate in one run, SECONDS
long in all for each (8 by default). Told are the 99 % of the clients' latency; by how much the gateway's memory grew;
and how many connections of the attacker it has closed. A latency is the CPU time of the gateway between question and
answer, whatever it did in it, and what a quiet exchange takes besides (the median): what else runs on the machine
does not count.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from load import GatewayProcess, cores, pin
from system.beside import ANSWER, accept
from system.harness import get, simple_route
from system.hostile import ATTACKS, SLOW
from system.load import clock_of
from system.raw import resident

CLIENTS, RATE, TURNS = 8, 500, 2
MEMORY, SLOWER = 50 * 1024 * 1024, 2.0


ASK = b"GET / HTTP/1.1\r\nHost: good.example.com\r\n\r\n"
PROGRAM = str(Path(__file__).resolve().parent.parent / "tests" / "system" / "hostile.py")


class Clients(threading.Thread):
    """One thread asks for all of them in turn. `latencies` are seconds of the gateway's CPU, and what came besides."""

    def __init__(self, port: int, pid: int) -> None:
        super().__init__(daemon=True)
        self._socks = [socket.create_connection(("127.0.0.1", port)) for _ in range(CLIENTS)]
        self._cpu = clock_of(pid)
        self.latencies: list[tuple[float, float]] = []
        self.failed = 0
        self.over = threading.Event()

    def run(self) -> None:
        for sock in self._socks:
            self._ask(sock)
        turn = 0
        while not self.over.wait(1 / RATE):
            ran, began = self._cpu(), time.monotonic()
            self._ask(self._socks[turn % CLIENTS])
            took, ran = time.monotonic() - began, self._cpu() - ran
            self.latencies.append((ran, max(0.0, took - ran)))
            turn += 1

    def _ask(self, sock: socket.socket) -> None:
        sock.sendall(ASK)
        got = b""
        while not got.endswith(ANSWER[-6:]):
            more = sock.recv(65536)
            if not more:
                raise ConnectionError("the gateway has hung up")
            got += more
        self.failed += not got.startswith(b"HTTP/1.1 200")

    def told(self) -> list[tuple[float, float]]:
        """The latencies since the last time that this was asked."""
        told, self.latencies = self.latencies, []
        return told


def attack(name: str, port: int, seconds: float, core: int) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, PROGRAM, str(port), str(seconds), name], stdout=subprocess.PIPE, text=True
    )
    elsewhere(child.pid, core)
    return child


def elsewhere(pid: int, core: int) -> None:
    """It would be another machine's: it must not keep the clients, and what answers them, waiting."""
    pin(pid, core)
    os.setpriority(os.PRIO_PROCESS, pid, 15)


def p99(latencies: list[tuple[float, float]], besides: float) -> float:
    """In milliseconds."""
    return (statistics.quantiles([ran for ran, _ in latencies], n=100)[98] + besides) * 1e3


def run(gateway: GatewayProcess, clients: Clients, name: str, seconds: float, core: int) -> bool:
    quiet: list[tuple[float, float]] = []
    loud: list[tuple[float, float]] = []
    before = most = resident(gateway.popen.pid)
    closed = left = 0
    turns = TURNS if name not in SLOW else 1
    for _ in range(turns):
        clients.told()
        time.sleep(seconds / turns)
        quiet += clients.told()
        child = attack(name, gateway.proxy, seconds / turns, core)
        while child.poll() is None:
            time.sleep(0.02)
            most = max(most, resident(gateway.popen.pid))
        loud += clients.told()
        said = json.loads(child.communicate()[0])
        closed, left = closed + said["closed"], left + said["left"]
    besides = statistics.median(other for _, other in quiet)
    usual, attacked = p99(quiet, besides), p99(loud, besides)
    grown, slower = most - before, attacked / usual
    good = grown < MEMORY and slower <= SLOWER and closed > 0 and not clients.failed
    print(
        f"| {name} | {usual:.2f} | {attacked:.2f} | {slower:.2f} | {grown / 2**20:.1f} | {closed} |"
        f" {'' if good else 'missed'}",
        flush=True,
    )
    return good


def main(seconds: str = "8", *names: str) -> None:
    mine, others = cores()
    with tempfile.TemporaryDirectory(prefix="gwt-bench-") as root:
        origin = subprocess.Popen(
            [sys.executable, PROGRAM, "origin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        elsewhere(origin.pid, others)
        assert origin.stdout is not None
        documents = simple_route(f"127.0.0.1:{origin.stdout.readline().strip()}")
        server = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=accept, args=(server,), daemon=True).start()
        good = simple_route(f"127.0.0.1:{server.getsockname()[1]}", "good.example.com")
        good[0]["name"], good[0]["services"][0]["name"] = "good", "good"
        good[1] = {"upstreams": {"foo/good:8080": good[1]["upstreams"]["foo/foo-service:8080"]}}
        settings = {"limits": {"header_timeout": 1, "idle_timeout": 20}, "access_log": None}
        with GatewayProcess(Path(root), [*documents, *good], settings) as gateway:
            pin(gateway.popen.pid, mine)
            pin(os.getpid(), others)
            for _ in range(200):
                get(gateway.proxy, "/", host="foo.example.com")
            clients = Clients(gateway.proxy, gateway.popen.pid)
            clients.start()
            print("| attack | ms, quiet | attacked | x | MiB more | shown out |\n|---|---|---|---|---|---|")
            outcome = [run(gateway, clients, name, float(seconds), others) for name in names or ATTACKS]
            clients.over.set()
            clients.join()
            origin.kill()
            print(f"{outcome.count(False)} of {len(outcome)} missed the bar; {clients.failed} answers failed")


if __name__ == "__main__":
    main(*sys.argv[1:])
