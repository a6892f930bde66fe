"""A cluster at size: 5,000 Services of ten endpoints, 1,000 Routes in 50 ConfigMaps, controller, Redis and gateway."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import hiredis
from apiserver import ApiProcess
from kube.apiserver import config_map, service, slice_
from load import GatewayProcess
from system.controlling import ControllerProcess
from system.harness import get, poll
from system.redis import RedisServer

SERVICES, ENDPOINTS, ROUTES, MAPS = 5000, 10, 1000, 50
#: What is measured goes to this Service, by this host.
LIVE, HOST = "n/live", b"live.example.com"
#: Seconds that one of them takes at most.
LONG = 120.0


def addresses(number: int, generation: int = 0) -> list[str]:
    """The endpoints of a Service: all its own, but for one that comes and goes with `generation`."""
    own = [f"10.{number >> 8}.{number & 255}.{one}" for one in range(1, ENDPOINTS)]
    return [*own, f"10.{number >> 8}.{number & 255}.{100 + generation % 100}"]


def route(host: str, name: str) -> dict[str, Any]:
    return {"name": host, "hosts": [host], "services": [{"name": name, "port": 80, "paths": [{"uri": "/"}]}]}


def documents(begin: int, end: int, services: int) -> str:
    found = [route(f"h{number}.example.com", f"s{number % services}") for number in range(begin, end)]
    return "\n---\n".join(json.dumps(one) for one in found)


def fill(api: ApiProcess, services: int) -> None:
    """The world; one ConfigMap leads to what is measured."""
    api.put_all("services", [service(f"n/s{number}") for number in range(services)])
    api.put_all("endpointslices", [slice_(f"n/s{number}", *addresses(number)) for number in range(services)])
    step = ROUTES // MAPS
    api.put_all(
        "configmaps",
        [config_map(f"n/m{begin}", documents(begin, begin + step, services)) for begin in range(0, ROUTES, step)],
    )
    api.put("services", service(LIVE))
    api.put("configmaps", config_map("n/live", route(HOST.decode(), "live")))


class World:
    """All of it; `controller` and `gateway` are processes that can be started and stopped."""

    def __init__(self, root: Path, api: ApiProcess, redis: RedisServer, services: int) -> None:
        self.root, self.api, self.redis, self.services = root, api, redis, services
        self.refresh: float = 1.0
        self.controller: ControllerProcess | None = None

    def control(self) -> ControllerProcess:
        return ControllerProcess(
            self.root / "controller", self.api, self.redis, wait=False, lease={"duration": 10, "renew": 7, "retry": 2}
        )

    def serve(self, name: str = "gateway") -> GatewayProcess:
        (self.root / name).mkdir()
        settings = {"store": f"redis://127.0.0.1:{self.redis.port}/0", "refresh": self.refresh, "access_log": None}
        return GatewayProcess(self.root / name, (), settings, wait=False)

    def others(self) -> list[int]:
        """The processes that would run elsewhere."""
        assert self.controller is not None and self.redis.popen is not None
        return [self.controller.popen.pid, self.redis.popen.pid, self.api.pid]

    def lead_to(self, *origins: str, number: int = 1, **conditions: bool) -> None:
        """The live Service has these endpoints in its slice `number`."""
        port = int(origins[0].rpartition(":")[2]) if origins else 80
        hosts = [one.rpartition(":")[0] for one in origins]
        self.api.put("endpointslices", slice_(LIVE, *hosts, port=port, number=number, **conditions))

    def entries(self, part: str = "services") -> int:
        return int(self.redis.command("HLEN", f"{{gwt}}:{part}"))

    @property
    def full(self) -> bool:
        return self.entries() >= self.services + 1 and self.entries("routes") >= ROUTES + 1


class Heard(threading.Thread):
    """Hears of the changes of a Service in Redis; `at` is when the last one was told, by the monotonic clock."""

    def __init__(self, redis: RedisServer, name: str) -> None:
        super().__init__(daemon=True)
        self._name, self.at = name.encode(), 0.0
        self._socket = socket.create_connection(("127.0.0.1", redis.port))
        self._socket.sendall(b"SUBSCRIBE {gwt}:changed\r\n")
        self.start()

    def run(self) -> None:
        reader = hiredis.Reader()
        with suppress(ConnectionError):
            while data := self._socket.recv(65536):
                reader.feed(data)
                while (message := reader.gets()) is not False:
                    if message[0] == b"message" and self._name in message[2].split():
                        self.at = time.monotonic()


@contextmanager
def world(services: int) -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="gwt-bench-") as root, ApiProcess() as api, RedisServer() as redis:
        fill(api, services)
        yield World(Path(root), api, redis, services)


@contextmanager
def running(services: int) -> Iterator[tuple[World, ControllerProcess, GatewayProcess]]:
    """The world, once a gateway knows it."""
    with world(services) as one, one.control() as controller, one.serve() as gateway:
        one.controller = controller
        os.setpriority(os.PRIO_PROCESS, controller.popen.pid, 10)  # it would be another machine's work
        poll(lambda: one.full, LONG)
        gateway.wait_ready(LONG)
        yield one, controller, gateway


def stalls(port: int, name: str) -> dict[str, float]:
    """Seconds, by how late the event loop was at worst in each of them."""
    rows = [line.rpartition(" ") for line in get(port, "/metrics").body.decode().splitlines() if line.startswith(name)]
    return {key.partition('le="')[2].rstrip('"}'): float(value) for key, _, value in rows if "_bucket" in key}


def worst(before: dict[str, float], after: dict[str, float]) -> str:
    """The least bound that no second since `before` went over, of the histogram's bounds."""
    made = {bound: after[bound] - before.get(bound, 0.0) for bound in after}
    whole = made["+Inf"]
    return next((f"{float(bound) * 1e3:g} ms" for bound, count in made.items() if count == whole), "more")
