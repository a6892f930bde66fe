"""WebSockets over HTTP/2, what becomes of WebSockets when the gateway goes, and events that must not wait.

The h2 package and `websockets` are the judges: the one of the frames of HTTP/2, the other of those within.
"""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest
from system.harness import PATIENCE, GatewayProcess, free_port, poll, simple_route
from system.raw import RawOrigin
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State
from websockets.sync.client import connect
from websockets.sync.server import serve

from gwt.wire.h2.frames import GOAWAY

HOST, EVENTS = "foo.example.com", "events.example.com"
#: Clients of a test, which are closed after it.
DIALLED: list[socket.socket] = []


def dial(port: int) -> socket.socket:
    DIALLED.append(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
    return DIALLED[-1]


@pytest.fixture(autouse=True)
def hang_up() -> Iterator[None]:
    yield
    while DIALLED:
        DIALLED.pop().close()


class Server:
    """A `websockets` server that echoes; `closed` has the path of each connection and how it ended, as it saw that."""

    def __init__(self) -> None:
        self.closed: list[tuple[str, ConnectionClosed]] = []
        self._server = serve(self._echo, "127.0.0.1", 0, max_size=None, select_subprotocol=self._chat)
        self.address = f"127.0.0.1:{self._server.socket.getsockname()[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @staticmethod
    def _chat(connection: Any, offered: Any) -> Any:
        return "chat" if "chat" in offered else None

    def _echo(self, connection: Any) -> None:
        try:
            while True:
                message = connection.recv()
                if message == "headers":
                    message = json.dumps([connection.request.path, dict(connection.request.headers.raw_items())])
                connection.send(message)
        except ConnectionClosed as closed:
            self.closed.append((connection.request.path, closed))


class Client:
    """A WebSocket on a stream of HTTP/2. `head` is the answer's, `closed` whether the stream has ended."""

    def __init__(self, port: int, path: str = "/chat", *more: tuple[str, str]) -> None:
        self.sock = dial(port)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration())
        self.h2.initiate_connection()
        self.head: dict[bytes, bytes] = {}
        self.closed, self.reset, self.body, self._buffer = False, None, b"", b""
        self.ws = Protocol(Side.CLIENT, state=State.OPEN, max_size=None)
        self._flush()
        self._until(lambda: self.h2.remote_settings.enable_connect_protocol)
        self.number = self.h2.get_next_available_stream_id()
        fields = [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", path),
            (":authority", HOST), ("sec-websocket-version", "13"), *more,
        ]  # fmt: skip
        self.h2.send_headers(self.number, fields)
        self._flush()
        self._until(lambda: self.head)

    def _flush(self) -> None:
        if data := self.h2.data_to_send():
            self.sock.sendall(data)

    def _until(self, done: Any) -> Any:
        while not (said := done()):
            data = self.sock.recv(65536)
            assert data, "the connection is over"
            for event in self.h2.receive_data(self._without_goaway(data)):
                self._heard(event)
            self._flush()
        return said

    def _without_goaway(self, data: bytes) -> bytes:
        """Whole frames but GOAWAY: the h2 package takes nothing more after one, though what was asked goes on."""
        self._buffer, out = self._buffer + data, b""
        while len(self._buffer) >= 9 and len(self._buffer) >= (size := 9 + int.from_bytes(self._buffer[:3])):
            frame, self._buffer = self._buffer[:size], self._buffer[size:]
            out += b"" if frame[3] == GOAWAY else frame
        return out

    def _heard(self, event: Any) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            self.head = {_octets(name): _octets(value) for name, value in event.headers}
        elif isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, self.number)
            self.body += event.data
            if self.head.get(b":status") == b"200":
                self.ws.receive_data(event.data)
        elif isinstance(event, h2.events.StreamEnded):
            self.closed = True
        elif isinstance(event, h2.events.StreamReset):
            self.closed, self.reset = True, event.error_code

    def send(self, message: bytes) -> None:
        """A message, as windows allow."""
        self.ws.send_binary(message)
        data = b"".join(self.ws.data_to_send())
        while data:
            self._until(lambda: self.h2.local_flow_control_window(self.number) > 0)
            most = min(self.h2.local_flow_control_window(self.number), 16384)
            self.h2.send_data(self.number, data[:most])
            data = data[most:]
            self._flush()

    def receive(self) -> bytes:
        """The next message, of as many frames as it may have."""
        said: list[Frame] = []
        while not said or not said[-1].fin:
            said += self._until(lambda: [one for one in self.ws.events_received() if isinstance(one, Frame)])
            assert said[0].opcode in (Opcode.BINARY, Opcode.TEXT), said
        return b"".join(frame.data for frame in said)

    def end(self) -> Client:
        """Wait for the end of the stream."""
        self._until(lambda: self.closed)
        return self


def _octets(text: Any) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


@pytest.fixture(scope="module")
def server() -> Server:
    return Server()


@pytest.fixture(scope="module")
def gateway(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    documents, others = simple_route(server.address, HOST, timeout=5), simple_route(RawOrigin(events).address, EVENTS)
    others[0]["name"], others[0]["services"][0]["name"] = "events", "events"
    others[1] = {"upstreams": {"foo/events:8080": others[1]["upstreams"]["foo/foo-service:8080"]}}
    with GatewayProcess(tmp_path_factory.mktemp("tunnels"), [*documents, *others]) as process:
        yield process


def test_messages_both_ways(gateway: GatewayProcess) -> None:
    client = Client(gateway.proxy)
    assert client.head[b":status"] == b"200" and b"sec-websocket-accept" not in client.head
    for message in (b"hello", b"\0\1\2", b"", bytes(1000)):
        client.send(message)
        assert client.receive() == message


@pytest.mark.parametrize("deflated", [False, True])
def test_big_messages(gateway: GatewayProcess, deflated: bool) -> None:
    big, more = bytes(range(256)) * 8192, []  # 2 MiB: more than any window
    factory = ClientPerMessageDeflateFactory(client_max_window_bits=None)
    if deflated:
        offer = "; ".join(f"{name}={value}" if value else name for name, value in factory.get_request_params())
        more = [("sec-websocket-extensions", f"permessage-deflate; {offer}".rstrip("; "))]
    client = Client(gateway.proxy, "/chat", *more)
    if deflated:
        _, *said = [part.strip() for part in client.head[b"sec-websocket-extensions"].decode().split(";")]
        pairs = [(name, value or None) for name, _, value in (one.partition("=") for one in said)]
        client.ws.extensions = [factory.process_response_params(pairs, [])]
    client.send(big)
    assert client.receive() == big
    assert b"sec-websocket-extensions" in client.head or not deflated


def test_the_server_sees_what_a_client_of_http11_would_send(gateway: GatewayProcess) -> None:
    more = [("sec-websocket-protocol", "chat"), ("x-user-id", "root"), ("sec-websocket-key", "AAAA"), ("cookie", "a=1")]
    client = Client(gateway.proxy, "/chat/../room?x=1", *more)
    assert client.head[b"sec-websocket-protocol"] == b"chat"
    client.ws.send_text(b"headers")
    client.h2.send_data(client.number, b"".join(client.ws.data_to_send()))
    client._flush()
    path, seen = json.loads(client.receive())
    seen = {name.lower(): value for name, value in seen.items()}
    assert path == "/room?x=1" and seen["host"] == HOST and seen["cookie"] == "a=1" and "x-user-id" not in seen
    assert seen["via"] == "2.0 gwt" and len(seen["sec-websocket-key"]) == 24


def test_a_close_ends_the_stream_and_is_logged_once(gateway: GatewayProcess, server: Server) -> None:
    client = Client(gateway.proxy, "/logged")
    client.ws.send_close(4001, "as I wish")
    client.h2.send_data(client.number, b"".join(client.ws.data_to_send()))
    client._flush()
    client.end()
    assert client.ws.close_rcvd is not None and client.ws.close_rcvd.code == 4001
    (how,) = poll(lambda: [how for path, how in server.closed if path == "/logged"])
    assert how.rcvd is not None and how.rcvd.code == 4001
    (line,) = poll(lambda: [one for one in map(json.loads, gateway.log_lines()) if one["uri"] == "/logged"])
    assert (line["status"], line["protocol"], line["method"]) == (200, "HTTP/2.0", "GET")


@pytest.mark.parametrize("how", ["end", "reset", "vanish"])
def test_a_client_that_goes_is_gone_for_the_server(gateway: GatewayProcess, server: Server, how: str) -> None:
    client = Client(gateway.proxy, f"/goes/{how}")
    if how == "end":
        client.h2.end_stream(client.number)
    elif how == "reset":
        client.h2.reset_stream(client.number, 8)
    else:
        client.sock.close()
    if how != "vanish":
        client._flush()
    poll(lambda: f"/goes/{how}" in [path for path, _ in server.closed])


# -- the end of the gateway


def ended(server: Server, count: int) -> list[int | None]:
    """What Close each of so many of the server's connections has received."""
    poll(lambda: len(server.closed) >= count)
    return [how.rcvd and how.rcvd.code for _, how in server.closed]


def test_a_drain_tells_all_one_after_the_other(tmp_path: Path) -> None:
    """SIGTERM: over HTTP/1.1 and HTTP/2, the client and the server of each see 1001; evenly over the drain."""
    server, went = Server(), []
    with GatewayProcess(tmp_path, simple_route(server.address, HOST), {"drain": 8}) as process:
        framed = [Client(process.proxy) for _ in range(3)]
        plain = []
        for _ in range(3):
            sock = dial(process.proxy)
            plain.append(connect(f"ws://{HOST}/", sock=sock, proxy=None, legacy=True))  # type: ignore[call-overload]
        for connection in plain:
            connection.send("hello")
            assert connection.recv(PATIENCE) == "hello"

        def wait(index: int) -> None:
            if index < 3:
                framed[index].end()
                closed = framed[index].ws.close_rcvd
            else:
                with pytest.raises(ConnectionClosed) as caught:
                    plain[index - 3].recv(PATIENCE)
                closed = caught.value.rcvd
            went.append((time.monotonic(), closed and closed.code))

        threads = [threading.Thread(target=wait, args=(index,)) for index in range(6)]
        for thread in threads:
            thread.start()
        process.signal(signal.SIGTERM)
        for thread in threads:
            thread.join(PATIENCE)
        assert process.wait() == 0
    assert [code for _, code in went] == [1001] * 6
    assert ended(server, 6) == [1001] * 6
    assert went[-1][0] - went[0][0] > 1.0, "all at once"


def test_a_listener_that_is_gone_takes_its_tunnels_along(tmp_path: Path) -> None:
    """SIGHUP: those of the other listener go on."""
    server = Server()
    with GatewayProcess(tmp_path, simple_route(server.address, HOST), {"drain": 1}) as process:
        first, port = process.settings["listeners"]["proxy"], free_port()
        listeners = {**process.settings["listeners"], "proxy": [first, f"tcp:{port}:interface=127.0.0.1"]}
        reload(process, listeners)
        stays, goes = Client(process.proxy), Client(port)
        reload(process, {**listeners, "proxy": first})
        goes.end()
        assert goes.ws.close_rcvd is not None and goes.ws.close_rcvd.code == 1001
        assert ended(server, 1) == [1001]
        stays.send(b"still here")
        assert stays.receive() == b"still here"


def reload(process: GatewayProcess, listeners: dict[str, Any]) -> None:
    process.configure({"listeners": listeners})
    seen = len(process.lines)
    process.signal(signal.SIGHUP)
    process.wait_line("in force", seen)


# -- events


def events(sock: socket.socket, number: int) -> None:
    """Server-sent events: the next one is sent only once the last has been read."""
    coded = b"/chunked" in sock.recv(65536)
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
    sock.sendall(b"Transfer-Encoding: chunked\r\n\r\n" if coded else b"Connection: close\r\n\r\n")
    for count in range(5):
        event = b"data: %d\n\n" % count
        sock.sendall(b"%x\r\n%b\r\n" % (len(event), event) if coded else event)
        assert READ.acquire(timeout=PATIENCE)
    sock.sendall(b"0\r\n\r\n" if coded else b"")


READ = threading.Semaphore(0)


@pytest.mark.parametrize("path", ["/chunked", "/until-the-end"])
@pytest.mark.parametrize("over", ["HTTP/1.1", "HTTP/2"])
def test_an_event_arrives_before_the_next_is_sent(gateway: GatewayProcess, path: str, over: str) -> None:
    client: Any
    if over == "HTTP/2":
        client = Events(gateway.proxy, path)
    else:
        client = dial(gateway.proxy)
        client.sendall(b"GET %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (path.encode(), EVENTS.encode()))
    got = b""
    for count in range(5):
        while b"data: %d\n\n" % count not in got:
            data = client.recv(65536)
            assert data
            got += data
        READ.release()


class Events:
    """A GET over HTTP/2; `recv` gives what comes of its body."""

    def __init__(self, port: int, path: str) -> None:
        self.sock = dial(port)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration())
        self.h2.initiate_connection()
        fields = [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", EVENTS)]
        self.h2.send_headers(1, fields, end_stream=True)
        self.sock.sendall(self.h2.data_to_send())

    def recv(self, most: int) -> bytes:
        body = b""
        while not body:
            data = self.sock.recv(most)
            assert data, "the connection is over"
            events = self.h2.receive_data(data)
            body = b"".join(event.data for event in events if isinstance(event, h2.events.DataReceived))
            if said := self.h2.data_to_send():
                self.sock.sendall(said)
        return body
