"""Workers as real processes: spread, death, reload, drain, and a supervisor that is gone."""

from __future__ import annotations

import http.client
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from system.harness import GatewayProcess, Origin, get, poll, ready, simple_route
from system.raw import links


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


def children(gateway: GatewayProcess) -> list[int]:
    """The pids of all children, the spare one included."""
    pid = gateway.popen.pid
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def connections(pid: int, port: int, state: str = "01") -> int:
    """How many TCP sockets in `state` (01 established, 0A listening) with local `port` a process has open."""
    wanted = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == state and int(fields[1].split(":")[1], 16) == port:
            wanted.add(f"socket:[{fields[9]}]")
    return sum(link in wanted for link in links(pid))


def start(tmp_path: Path, origin: Origin, **settings: object) -> GatewayProcess:
    return GatewayProcess(tmp_path, simple_route(origin.address), {"workers": 2, "drain": 5, **settings})


def test_connections_are_spread_over_both(tmp_path: Path, origin: Origin) -> None:
    with start(tmp_path, origin) as gateway:
        clients = [http.client.HTTPConnection("127.0.0.1", gateway.proxy, timeout=30) for _ in range(64)]
        for client in clients:
            client.request("GET", "/", headers={"Host": "foo.example.com"})
            assert client.getresponse().read()
        counts = sorted(connections(pid, gateway.proxy) for pid in children(gateway))[-2:]
        for client in clients:
            client.close()
        assert sum(counts) == 64
        assert all(0.35 * 64 <= count <= 0.65 * 64 for count in counts), counts
        assert gateway.stop() == 0


class Load:
    """Requests from a thread until told to stop. `failed` lists what went wrong.

    On a connection each, or one after another on a connection that is kept as long as the gateway keeps it.
    """

    def __init__(self, port: int, keep_alive: bool = False) -> None:
        self.port = port
        self._kept = http.client.HTTPConnection("127.0.0.1", port, timeout=30) if keep_alive else None
        self.done, self.failed = 0, []  # type: ignore[var-annotated]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._kept is not None:
            self._kept.close()

    def _one(self) -> int:
        if self._kept is None:
            return get(self.port, "/", host="foo.example.com").status
        if self._kept.sock is not None and ready(self._kept.sock):
            self._kept.close()  # the gateway has ended it, and was asked nothing on it since
        self._kept.request("GET", "/", headers={"Host": "foo.example.com"})
        response = self._kept.getresponse()
        response.read()
        return response.status

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                status = self._one()
                if status != 200:
                    self.failed.append(status)
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(error)
            self.done += 1


def victims(gateway: GatewayProcess) -> list[int]:
    """The workers that serve: those that have answered something hold the access log open."""
    log = str(gateway.directory / "access.log")
    return [pid for pid in children(gateway) if log in links(pid)]


def test_a_killed_worker_is_replaced_and_its_queue_waits(tmp_path: Path, origin: Origin) -> None:
    with start(tmp_path, origin) as gateway:
        poll(lambda: len(children(gateway)) == 3)
        with Load(gateway.proxy) as load:
            poll(lambda: load.done > 20)
            first = victims(gateway)[0]
            os.kill(first, signal.SIGKILL)
            gateway.wait_line("killed by SIGKILL")
            gateway.wait_line("serves again")
            after = load.done
            poll(lambda: load.done > after + 20)
        assert len(load.failed) <= 1, load.failed
        assert len(victims(gateway)) == 2
        assert first not in children(gateway)
        assert gateway.stop() == 0


def test_hup_replaces_all_and_loses_nothing(tmp_path: Path, origin: Origin) -> None:
    with start(tmp_path, origin) as gateway:
        before = victims(gateway)
        assert len(before) == 2
        with Load(gateway.proxy) as load, Load(gateway.proxy, keep_alive=True) as kept:
            for _ in range(2):
                seen = len(gateway.lines)
                gateway.signal(signal.SIGHUP)
                gateway.wait_line("is in force in 2 workers", start=seen)
                after = load.done
                poll(lambda after=after: load.done > after + 20)
        assert not load.failed
        assert not kept.failed
        poll(lambda: not set(before) & set(children(gateway)))
        assert gateway.stop() == 0


def test_hup_with_a_bad_file_keeps_the_workers(tmp_path: Path, origin: Origin) -> None:
    with start(tmp_path, origin) as gateway:
        before = victims(gateway)
        gateway.configure({"workres": 3})
        gateway.signal(signal.SIGHUP)
        gateway.wait_line("unknown key 'workres'")
        gateway.settings.pop("workres")
        gateway.configure({"store": "file:./nowhere"})
        gateway.signal(signal.SIGHUP)
        gateway.wait_line("nowhere' can't be read")
        assert victims(gateway) == before
        assert get(gateway.proxy, "/", host="foo.example.com").status == 200


def test_hup_changes_how_many_there_are(tmp_path: Path, origin: Origin) -> None:
    with start(tmp_path, origin) as gateway:
        for count in (3, 2):
            gateway.configure({"workers": count})
            gateway.signal(signal.SIGHUP)
            gateway.wait_line(f"is in force in {count} workers")
            poll(lambda count=count: len(victims(gateway)) == count)
            for _ in range(20):
                assert get(gateway.proxy, "/", host="foo.example.com").status == 200


def test_what_is_in_flight_is_answered_before_they_end(tmp_path: Path) -> None:
    with Origin() as origin, start(tmp_path, origin) as gateway:
        origin.hold.clear()
        client = http.client.HTTPConnection("127.0.0.1", gateway.proxy, timeout=30)
        client.request("GET", "/", headers={"Host": "foo.example.com"})
        assert origin.arrived.wait(30)
        pids = children(gateway)
        gateway.signal(signal.SIGTERM)
        gateway.wait_line("stopping")
        origin.hold.set()
        assert client.getresponse().status == 200
        client.close()
        assert gateway.wait() == 0
        poll(lambda: not [pid for pid in pids if Path(f"/proc/{pid}").exists()])


def test_workers_end_when_the_supervisor_is_gone(tmp_path: Path, origin: Origin) -> None:
    with start(tmp_path, origin) as gateway:
        pids = children(gateway)
        os.kill(gateway.popen.pid, signal.SIGKILL)
        gateway.wait()
        poll(lambda: not [pid for pid in pids if Path(f"/proc/{pid}").exists()])


def test_unix_sockets_are_shared(tmp_path: Path, origin: Origin) -> None:
    path = tmp_path / "gwt.sock"
    with start(tmp_path, origin, listeners={"proxy": f"unix:{path}:mode=600", "admin": None}) as gateway:
        assert path.stat().st_mode & 0o777 == 0o600
        os.kill(victims(gateway)[0], signal.SIGKILL)
        gateway.wait_line("serves again")
        assert path.exists()
        assert gateway.stop() == 0
        assert not path.exists()
