"""A client that speaks HTTP/2: the h2 package on a socket."""

from __future__ import annotations

import socket
import ssl
from typing import NamedTuple

import h2.config
import h2.connection
import h2.events
from system.harness import PATIENCE


class Answer(NamedTuple):
    """A complete answer."""

    status: int
    body: bytes


class Client:
    """One connection to 127.0.0.1; with a `context` over TLS, to whom `name` is asked for."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None, name: str | None = None) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._scheme = "http" if context is None else "https"
        if context is not None:
            context.set_alpn_protocols(["h2"])
            secure = context.wrap_socket(self.sock, server_hostname=name)
            assert secure.selected_alpn_protocol() == "h2"
            self.sock = secure
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration())
        self.h2.initiate_connection()
        self.flush()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def flush(self) -> None:
        """Send what is to be sent."""
        self.sock.sendall(self.h2.data_to_send())

    def ask(self, authority: str, path: str = "/", method: str = "GET", length: int = 0) -> int:
        """Begin a request; its stream. A body of `length` is to follow."""
        number = self.h2.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", self._scheme), (":path", path), (":authority", authority)]
        if length:
            fields.append(("content-length", str(length)))
        self.h2.send_headers(number, fields, end_stream=not length)
        self.flush()
        return number

    def events(self) -> list[h2.events.Event]:
        """The next ones; the gateway may not end the connection instead."""
        data = self.sock.recv(65536)
        assert data, "the connection ended"
        events = self.h2.receive_data(data)
        self.flush()
        return events

    def request(self, authority: str, path: str = "/", method: str = "GET", body: bytes = b"") -> Answer:
        """A request, its body at the gateway's pace, and its answer, which must be complete."""
        number = self.ask(authority, path, method, len(body))
        status, got = 0, b""
        while True:
            if body:
                body = self._send_some(number, body)
            for event in self.events():
                if isinstance(event, h2.events.ResponseReceived):
                    status = int(dict(event.headers)[b":status"])
                elif isinstance(event, h2.events.DataReceived):
                    got += event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, number)
                    self.flush()
                elif isinstance(event, h2.events.StreamEnded):
                    return Answer(status, got)
                else:
                    assert not isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated), event

    def _send_some(self, number: int, body: bytes) -> bytes:
        """What the windows let through; the rest is for later."""
        while body and (room := min(self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size)):
            piece, body = body[:room], body[room:]
            self.h2.send_data(number, piece, end_stream=not body)
            self.flush()
        return body
