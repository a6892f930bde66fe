"""What certificates cost: `python bench/renewals.py [KIND] [NAMES] [SWAPS]`.

KIND is `files` (a directory, looked at each second) or `redis`. A gateway as a process serves NAMES names (1,000), each
with a certificate and a key of its own. All of them come in at once while a client asks over a connection that it
keeps; then one after another is swapped. Printed are the time until the last of them is served, that from a swap to the
first handshake with the new certificate (files are looked at once a second), the longest that an answer took meanwhile,
by how much the event loop was late, and how many answers were lost.
"""

from __future__ import annotations

import re
import socket
import ssl
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

from load import GatewayProcess  # says where the tests are found

# isort: split

from certificates import Authority, Pair
from system.harness import Origin, free_port, get, poll
from system.redis import RedisServer
from system.shared import RedisStore, document
from system.test_certificates import asked, connected

LIVE = "live.example.com"
CA = Authority()


def name_of(number: int) -> str:
    return f"h{number}.example.com"


class Load(threading.Thread):
    """Asks over one connection, over and over; `longest` seconds since it was last set to 0, `lost` errors."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port, self.over = port, threading.Event()
        self.answers = self.lost = 0
        self.longest = 0.0

    def run(self) -> None:
        with connected(self._port, LIVE, CA.trusting()) as connection:
            while not self.over.is_set():
                begun = time.perf_counter()
                try:
                    self.answers += 1
                    self.lost += asked(connection, LIVE).status != 200
                except (OSError, HTTPException):
                    self.lost += 1
                    return
                self.longest = max(self.longest, time.perf_counter() - begun)
                time.sleep(0.001)


def served(port: int, name: str, context: ssl.SSLContext) -> bytes | None:
    """The certificate that is served to who asks for `name`."""
    with (
        socket.create_connection(("127.0.0.1", port), 30) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        return secure.getpeercert(binary_form=True)


def until(port: int, name: str, pair: Pair, step: float) -> float:
    """When a handshake was first answered with `pair`, as seen every `step` seconds."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    while served(port, name, context) != pair.der:
        time.sleep(step)
    return time.perf_counter()


def stalls(admin: int) -> dict[float, float]:
    """By upper end in seconds, in how many seconds the event loop was late by no more at worst."""
    lines = get(admin, "/metrics").body.decode().splitlines()
    found = [re.fullmatch(r'gwt_event_loop_stall_seconds_bucket\{.*le="([^"]+)".*\} (\d+)', line) for line in lines]
    return {float(one[1].replace("+Inf", "inf")): float(one[2]) for one in found if one is not None}


def stall(before: dict[float, float], after: dict[float, float]) -> float:
    """The upper end of the worst lateness between two looks, in seconds."""
    total = max(after.values()) - max(before.values())
    return next(end for end in sorted(after) if after[end] - before[end] >= total)


def measure(kind: str, names: int, swaps: int, directory: Path, redis: RedisStore, origin: Origin) -> None:
    files, port, admin = directory / "certificates", free_port(), free_port()
    files.mkdir()
    CA.pair(LIVE).write(directory, "live")
    redis.fill()
    redis.service("n/s:80", origin.address)
    redis.route("live", document(LIVE))
    settings = {
        "store": redis.url,
        "listeners": {"proxy": f"tls:{port}:interface=127.0.0.1", "admin": f"tcp:{admin}:interface=127.0.0.1"},
        "tls": {"certificates": [{"cert": "live.crt", "key": "live.key"}], "directory": "certificates"},
    }
    pairs = {name_of(number): CA.pair(name_of(number)) for number in range(names)}

    def put(changed: dict[str, Pair]) -> None:
        if kind == "redis":
            entries = {name: {"cert": pair.cert, "key": pair.key} for name, pair in changed.items()}
            redis.write("certificates", {"certificates": entries})
        else:
            for name, pair in changed.items():
                pair.write(files, name)

    with GatewayProcess(directory, settings=settings):
        poll(lambda: served(port, LIVE, ssl._create_unverified_context()))
        load = Load(port)
        load.start()
        poll(lambda: load.answers > 100)
        report(load, admin, lambda: bring(put, pairs, port))
        found = swapped(put, names, swaps, port, load, admin, 0.001 if kind == "redis" else 0.02)
        load.over.set()
        load.join()
        told = f"median {statistics.median(found) * 1e3:.1f} ms, worst {max(found) * 1e3:.1f} ms"
        print(f"{swaps} swaps among {names} names: {told}; {load.answers} answers on one connection, {load.lost} lost")


def bring(put: Callable[[dict[str, Pair]], None], pairs: dict[str, Pair], port: int) -> str:
    begun = time.perf_counter()
    put(pairs)
    wrote = time.perf_counter()
    for name in list(pairs)[:: max(1, len(pairs) // 20)]:
        until(port, name, pairs[name], 0.005)
    return f"{len(pairs)} names written in {wrote - begun:.2f} s, served {time.perf_counter() - wrote:.2f} s later"


def report(load: Load, admin: int, work: Callable[[], str]) -> None:
    time.sleep(1.5)  # what is counted once a second is counted
    load.longest, before = 0.0, stalls(admin)
    said = work()
    time.sleep(1.5)
    late = stall(before, stalls(admin))
    print(f"{said}; longest answer {load.longest * 1e3:.1f} ms, event loop late by at most {late * 1e3:g} ms")


def swapped(put: Any, names: int, swaps: int, port: int, load: Load, admin: int, step: float) -> list[float]:
    found: list[float] = []

    def work() -> str:
        for number in range(swaps):
            name = name_of(number * 7 % names)
            new = CA.pair(name)
            begun = time.perf_counter()
            put({name: new})
            found.append(until(port, name, new, step) - begun)
        return f"{swaps} swaps"

    report(load, admin, work)
    return found


def main() -> None:
    words = sys.argv[1:]
    kind = words[0] if words else "redis"
    names, swaps = (int(words[at]) if len(words) > at else default for at, default in ((1, 1000), (2, 30)))
    with tempfile.TemporaryDirectory() as directory, RedisServer() as server, Origin() as origin:
        measure(kind, names, swaps, Path(directory), RedisStore(server, bare=True), origin)


if __name__ == "__main__":
    main()
