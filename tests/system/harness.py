"""Real processes for system tests: a gateway on free ports, small origins, one-shot HTTP requests.

    with GatewayProcess(tmp_path, documents=[route], settings={"drain": 1}) as gateway:
        assert get(gateway.proxy, "/headers", host="foo.example.com").status == 200

Nothing here sleeps: it waits for a line of output, a socket or the end of a process, always with a limit.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

import gwt

#: Seconds that a busy machine may take for what is normally done at once.
PATIENCE = 30.0
READY = "ready"
#: Ports that were given out stay bound, not listening: a server (with SO_REUSEADDR) may take one, the system gives it
#: to nobody by itself, also while that server is stopped for a while.
HELD = 128
_held: deque[socket.socket] = deque()


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port for a server to be: nobody else is given it until `HELD` more were asked for."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, 0))
    _held.append(sock)
    if len(_held) > HELD:
        _held.popleft().close()
    return int(sock.getsockname()[1])


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child: the gwt under test (wheel or checkout) is the one that this process imports."""
    home = str(Path(gwt.__file__).resolve().parent.parent)
    path = os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", **(extra or {})}


def twistd(*arguments: str) -> list[str]:
    """The command line of twistd, in the foreground, in the interpreter that runs the tests."""
    return [sys.executable, "-c", "from twisted.scripts.twistd import run; run()", "-n", "--pidfile=", *arguments]


class Process:
    """A child whose output is read as it comes; `with` ends it (SIGKILL if it does not go by itself)."""

    def __init__(self, argv: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._over = False
        self.popen = subprocess.Popen(
            list(argv), cwd=cwd, env=environment(env), text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        self.popen.stdout.close()
        with self._news:
            self._over = True
            self._news.notify_all()

    @property
    def output(self) -> str:
        """Everything written so far, standard output and error together."""
        return "\n".join(self.lines)

    def wait_line(self, wanted: str | Callable[[str], bool], start: int = 0, timeout: float = PATIENCE) -> str:
        """The first line from index `start` on that contains (or satisfies) `wanted`; AssertionError if none does."""
        test = wanted if callable(wanted) else lambda line: wanted in line
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                for line in self.lines[start:]:
                    if test(line):
                        return line
                start = len(self.lines)
                left = deadline - time.monotonic()
                if self._over or left <= 0 or not self._news.wait(left):
                    raise AssertionError(f"{wanted!r} was not printed; the output was:\n{self.output}")

    def signal(self, number: int) -> None:
        self.popen.send_signal(number)

    def wait(self, timeout: float = PATIENCE) -> int:
        """The exit status, once the process has ended and all its output was read."""
        status = self.popen.wait(timeout)
        self._reader.join(timeout)
        return status

    def stop(self, timeout: float = PATIENCE) -> int:
        """SIGTERM, then its exit status."""
        if self.popen.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self) -> None:
        """End the whole process group, whatever state it is in."""
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            self.popen.wait(PATIENCE)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if error is not None:
            print(self.output)
        self.kill()


def write_documents(directory: Path, documents: Sequence[Mapping[str, Any]] | str, name: str = "routes.yaml") -> Path:
    """Write documents (JSON is YAML) into one file of a file store, swapped in whole; return its path."""
    directory.mkdir(parents=True, exist_ok=True)
    text = documents if isinstance(documents, str) else "\n---\n".join(json.dumps(d) for d in documents)
    new = directory / (name + ".new")
    new.write_text(text)
    new.replace(directory / name)
    return directory / name


class GatewayProcess(Process):
    """`twistd -n gateway` with a gateway.yaml of its own on free ports; ready when the constructor returns.

    `proxy`, `service_proxy` and `admin` are the ports; `directory` holds gateway.yaml, routes/ and access.log.
    `settings` is merged over the default gateway.yaml; `wait=False` does not wait for the ready line.
    """

    def __init__(
        self,
        directory: Path,
        documents: Sequence[Mapping[str, Any]] | str = (),
        settings: Mapping[str, Any] | None = None,
        *,
        reactor: str | None = None,
        arguments: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        wait: bool = True,
    ) -> None:
        self.directory = directory
        self.proxy, self.service_proxy, self.admin = free_port(), free_port(), free_port()
        self.settings = {
            "listeners": {
                "proxy": f"tcp:{self.proxy}:interface=127.0.0.1",
                "service_proxy": f"tcp:{self.service_proxy}:interface=127.0.0.1",
                "admin": f"tcp:{self.admin}:interface=127.0.0.1",
            },
            "store": f"file:{directory / 'routes'}",
            "refresh": 0.1,
            "access_log": {"path": str(directory / "access.log")},
            **(settings or {}),
        }
        write_documents(directory / "routes", documents)
        self.configure({})
        choose = ["--reactor", reactor] if reactor else []
        config = str(directory / "gateway.yaml")
        super().__init__(twistd(*choose, "gateway", "--config", config, *arguments), cwd=directory, env=env)
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                self.kill()
                raise

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Write gateway.yaml anew with `settings` over what holds now; send SIGHUP for it to be read."""
        self.settings = {**self.settings, **settings}
        new = self.directory / "gateway.yaml.new"
        new.write_text(json.dumps(self.settings, indent=1))
        new.replace(self.directory / "gateway.yaml")

    def write(self, documents: Sequence[Mapping[str, Any]] | str, name: str = "routes.yaml") -> None:
        """Put documents into the file store."""
        write_documents(self.directory / "routes", documents, name)

    def wait_ready(self, timeout: float = PATIENCE) -> None:
        """Until the gateway has said that it is ready."""
        self.wait_line(lambda line: line.strip().startswith(READY), timeout=timeout)

    def log_lines(self) -> list[str]:
        """The access log so far, without a line that is being written."""
        path = self.directory / "access.log"
        whole, _, _ = path.read_text().rpartition("\n") if path.exists() else ("", "", "")
        return whole.splitlines()


@dataclass(frozen=True)
class Answer:
    """An answer: header names in lower case; of repeated headers the last."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def request(
    port: int,
    method: str,
    path: str,
    *,
    host: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = PATIENCE,
) -> Answer:
    """One request on a connection of its own to 127.0.0.1."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, {**({"Host": host} if host else {}), **(headers or {})})
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def get(port: int, path: str, **options: Any) -> Answer:
    """`request` with GET."""
    return request(port, "GET", path, **options)


def poll(what: Callable[[], Any], timeout: float = PATIENCE, step: float = 0.02) -> Any:
    """Ask `what` until it gives something true; AssertionError after `timeout` (for state that announces nothing)."""
    pause, deadline = threading.Event(), time.monotonic() + timeout
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what!r} stayed {found!r}"
        pause.wait(step)


def ready(sock: socket.socket, seconds: float = 0.0, events: int = select.POLLIN) -> bool:
    """Whether there is something to read, or the end, within `seconds`; with no `events` whether it is the end."""
    waiting = select.poll()
    waiting.register(sock, events)
    return bool(waiting.poll(seconds * 1000))


class QuietServer(ThreadingHTTPServer):
    """Says nothing of clients that are gone."""

    daemon_threads = True
    request_queue_size = 512  # socketserver's 5 are soon used up, and the kernel tries again after a second

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Origin:
    """A threaded HTTP/1.1 upstream that answers every request with JSON about it; `requests` counts them.

    `hold` delays answers until it is set (it starts set); `arrived` is set by each request.
    """

    def __init__(self, name: str = "origin") -> None:
        self.name, self.requests = name, 0
        self.hold, self.arrived = threading.Event(), threading.Event()
        self.hold.set()
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                origin.requests += 1
                origin.arrived.set()
                origin.hold.wait(PATIENCE)
                seen = {
                    "origin": origin.name, "method": self.command, "path": self.path,
                    "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body.decode("latin-1"),
                }  # fmt: skip
                payload = json.dumps(seen).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer

            def log_message(self, format: str, *args: Any) -> None:
                """Keep the test output clean."""

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        self.port = int(self.server.server_address[1])
        self.address = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Origin:
        return self

    def __exit__(self, *_: object) -> None:
        self.hold.set()
        self.server.shutdown()
        self.server.server_close()


def simple_route(address: str, host: str = "foo.example.com", **path: Any) -> list[dict[str, Any]]:
    """Documents that send everything of `host` to `address`; `path` adds fields to its only path."""
    return [
        {
            "name": "simple",
            "hosts": [host],
            "namespace": "foo",
            "services": [{"name": "foo-service", "port": 8080, "paths": [{"uri": "/", **path}]}],
        },
        {"upstreams": {"foo/foo-service:8080": [address]}},
    ]
