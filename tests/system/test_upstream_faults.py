"""A real gateway between raw clients and origins that die, lie and stall, with a good client beside them all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import pytest
from system.harness import PATIENCE, GatewayProcess, get, poll
from upstream.stage import Answer, Client, Origin, Visit, ok, reset, say


def reset_at_once(visit: Visit) -> None:
    visit.request()
    reset(visit.socket)


def hang(visit: Visit) -> None:
    visit.request()
    visit.origin.over.wait(PATIENCE)


def cut(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")


def stall(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")
    visit.origin.over.wait(PATIENCE)


def flood(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        visit.send(b"X-Endless: %b\r\n" % (b"x" * 65536))


def gibibyte(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 30))
    while True:
        visit.send(b"x" * 65536)


SCRIPTS = {
    "good": say(ok(b"good")),
    "reset": reset_at_once,
    "hang": hang,
    "cut": cut,
    "stall": stall,
    "flood": flood,
    "gibibyte": gibibyte,
    "garbage": say(b"\0\1\2 nonsense\r\n\r\n"),
}


class World:
    """A gateway with one host for each kind of origin."""

    def __init__(self, gateway: GatewayProcess, origins: dict[str, Origin]) -> None:
        self.gateway, self.origins = gateway, origins

    def client(self) -> Client:
        return Client(self.gateway.proxy)

    def ask(self, name: str, method: bytes = b"GET", path: bytes = b"/") -> Answer:
        client = self.client()
        client.send(request(name, method, path))
        answer = client.answer()
        client.close()
        return answer

    def logged(self, uri: str) -> dict[str, object]:
        """The line of the access log for this uri, which must be the only one."""

        def lines() -> list[dict[str, object]]:
            return [line for line in map(json.loads, self.gateway.log_lines()) if line["uri"] == uri]

        (line,) = poll(lines)
        return line  # type: ignore[no-any-return]

    def resident(self) -> int:
        """KiB of memory."""
        with open(f"/proc/{self.gateway.popen.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def descriptors(self) -> int:
        import os

        return len(os.listdir(f"/proc/{self.gateway.popen.pid}/fd"))


def request(name: str, method: bytes = b"GET", path: bytes = b"/") -> bytes:
    body = b"" if method == b"GET" else b"data"
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return b"%b %b HTTP/1.1\r\nHost: %b.example.com\r\n%b\r\n%b" % (method, path, name.encode(), length, body)


#: Those that answer have as long as anybody: only a fault is to be told soon.
GOOD, IMPATIENT = ("good", "mixed"), {"access": {"timeout": 1}}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    origins = {name: Origin(script) for name, script in SCRIPTS.items()}
    services = {name: [origin.address] for name, origin in origins.items()} | {"dead": ["127.0.0.1:1", "127.0.0.1:2"]}
    services["mixed"] = ["127.0.0.1:1", origins["good"].address]
    documents = [
        {
            "name": name,
            "hosts": [f"{name}.example.com"],
            "namespace": "foo",
            "services": [{"upstream": name, "paths": [{"uri": "/", **({} if name in GOOD else IMPATIENT)}]}],
        }
        for name in services
    ]
    with GatewayProcess(tmp_path_factory.mktemp("faults"), [*documents, {"upstreams": services}]) as gateway:
        yield World(gateway, origins)
    for origin in origins.values():
        origin.__exit__()


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("reset", 502, "connect_failed"),
        ("garbage", 502, "bad_answer"),
        ("flood", 502, "bad_answer"),
        ("dead", 502, "connect_failed"),
        ("hang", 504, "timeout"),
    ],
)
@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_a_fault_before_the_answer_is_told(world: World, name: str, status: int, code: str, method: bytes) -> None:
    tries = len(world.origins[name].seen) if name in world.origins else 0
    path = f"/{name}-{method.decode()}"
    began = time.monotonic()
    answer = world.ask(name, method, path.encode())
    assert (answer.status, json.loads(answer.body)["code"], answer.clean) == (status, code, True)
    assert time.monotonic() - began < (3.0 if name == "hang" else 1.0)
    assert world.logged(path)["code"] == code
    if name in world.origins:
        assert len(world.origins[name].seen) == tries + 1


@pytest.mark.parametrize("name", ["cut", "stall"])
def test_a_body_that_breaks_off_is_logged_as_cut(world: World, name: str) -> None:
    answer = world.ask(name, path=f"/{name}-body".encode())
    assert (answer.status, answer.clean) in ((200, False), (0, False))
    line = world.logged(f"/{name}-body")
    assert (line["status"], line["code"]) == (200, "upstream_cut")


def test_a_dead_endpoint_is_not_noticed_by_clients(world: World) -> None:
    assert {world.ask("mixed", method).status for method in (b"GET", b"POST") * 5} == {200}


def test_a_good_client_beside_all_faults(world: World) -> None:
    """Latency and memory while every kind of fault goes on, and clients that do not read."""
    over = threading.Event()

    def torment(name: str) -> None:
        while not over.is_set():
            client = world.client()
            client.send(request(name))
            if name == "gibibyte":
                over.wait(0.5)
                reset(client.socket)
            else:
                client.answer()
                client.close()

    before, descriptors = world.resident(), world.descriptors()
    names = ["reset", "cut", "stall", "hang", "garbage", "flood", "gibibyte", "gibibyte", "dead"]
    threads = [threading.Thread(target=torment, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    taken = []
    for _ in range(150):
        began = time.monotonic()
        assert get(world.gateway.proxy, "/", host="good.example.com").status == 200
        taken.append(time.monotonic() - began)
    grown = world.resident() - before
    over.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(taken)[int(len(taken) * 0.98)] < 1.0, sorted(taken)[-5:]
    assert grown < 64 * 1024
    poll(lambda: world.descriptors() <= descriptors + 8)


def test_endpoints_that_leave_get_no_more_requests(world: World, tmp_path: object) -> None:
    with Origin(say(ok(b"old"))) as old, Origin(say(ok(b"new"))) as new:
        route = {
            "name": "moving",
            "hosts": ["moving.example.com"],
            "services": [{"upstream": "moving", "paths": [{"uri": "/"}]}],
        }
        world.gateway.write([route, {"upstreams": {"moving": [old.address]}}], "moving.yaml")
        poll(lambda: world.ask("moving").body == b"old")
        world.gateway.write([route, {"upstreams": {"moving": [new.address]}}], "moving.yaml")
        poll(lambda: world.ask("moving").body == b"new")
        seen = len(old.seen)
        assert {world.ask("moving").body for _ in range(10)} == {b"new"} and len(old.seen) == seen
        for visit in old.visits:
            poll(lambda visit=visit: visit.socket.fileno() < 0)  # idle connections to it were closed
