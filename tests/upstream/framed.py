"""Upstreams that speak HTTP/2: the h2 package on a visit to an origin, as judge of what the gateway writes; or lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import h2.config
import h2.connection
import h2.events
from upstream.stage import Script, Visit

from gwt.wire.h2 import frames, hpack
from gwt.wire.h2.frames import frame

OK = [(b":status", b"200")]


@dataclass
class Asked:
    """What came on one stream."""

    number: int
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    ended: bool = False
    reset: int | None = None

    def values(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.fields if key == name]

    def value(self, name: bytes) -> bytes | None:
        return b"|".join(self.values(name)) if self.values(name) else None


class Server:
    """One connection. `reads`: windows are given back by themselves."""

    def __init__(self, visit: Visit, settings: dict[int, int] | None = None, reads: bool = True) -> None:
        self.visit, self.reads = visit, reads
        config = h2.config.H2Configuration(client_side=False, header_encoding=None, validate_outbound_headers=False)
        config.normalize_outbound_headers = False
        self.judge = h2.connection.H2Connection(config)
        self.judge.local_settings.update(settings or {})
        self.judge.initiate_connection()
        self.streams: dict[int, Asked] = {}
        self.gone: int | None = None
        self.pings = 0
        self._heads: list[Asked] = []
        self.flush()

    def flush(self) -> None:
        data = self.judge.data_to_send()
        if data:
            self.visit.send(data)

    def more(self) -> bool:
        """Read once; False at the end."""
        try:
            data = self.visit.socket.recv(65536)
        except (ConnectionResetError, TimeoutError):
            return False
        for event in self.judge.receive_data(data) if data else ():
            self._heard(event)
        if data:
            self.flush()
        return bool(data)

    def _heard(self, event: Any) -> None:
        number = getattr(event, "stream_id", None)
        if isinstance(event, h2.events.RequestReceived):
            asked = self.streams[number] = Asked(number, list(event.headers))
            self._heads.append(asked)
            self.visit.origin.seen.append(asked)  # type: ignore[arg-type]
        elif isinstance(event, h2.events.DataReceived):
            self.streams[number].body += event.data
            if self.reads:
                self.judge.acknowledge_received_data(event.flow_controlled_length, number)
        elif isinstance(event, h2.events.TrailersReceived):
            self.streams[number].trailers = list(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            self.streams[number].ended = True
        elif isinstance(event, h2.events.StreamReset):
            self.streams[number].reset = event.error_code
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.gone = event.error_code
        elif isinstance(event, h2.events.PingReceived):
            self.pings += 1

    def until(self, what: Callable[[], Any]) -> Any:
        """Read until `what` gives something true; None at the end before."""
        while not (found := what()):
            if not self.more():
                return None
        return found

    def head(self) -> Asked | None:
        """The next request, as soon as its head is here."""
        return self._heads.pop(0) if self.until(lambda: self._heads) else None

    def request(self) -> Asked | None:
        """The next request, whole."""
        asked = self.head()
        return asked if asked is not None and self.until(lambda: asked.ended or asked.reset is not None) else None

    def answer(self, asked: Asked, body: bytes = b"hi", fields: Any = (), trailers: Any = ()) -> None:
        """A whole answer with 200, as its windows allow."""
        if asked.reset is not None:
            return
        self.judge.send_headers(asked.number, [*OK, *fields], end_stream=not (body or trailers))
        for at in range(0, len(body), 16384):
            self.flush()
            self.until(lambda: asked.reset is not None or self.judge.local_flow_control_window(asked.number) >= 16384)
            if asked.reset is not None:
                return
            last = not trailers and at + 16384 >= len(body)
            self.judge.send_data(asked.number, body[at : at + 16384], end_stream=last)
        if trailers:
            self.judge.send_headers(asked.number, list(trailers), end_stream=True)
        self.flush()

    def raw(self, *pieces: bytes) -> None:
        """Frames past the judge."""
        self.flush()
        self.visit.send(b"".join(pieces))


def serve(play: Callable[[Server], None], **options: Any) -> Script:
    """`play` has each connection to an origin."""
    return lambda visit: play(Server(visit, **options))


def echo(server: Server) -> None:
    """Answer every request with its body, or hi."""
    while asked := server.request():
        server.answer(asked, asked.body or b"hi")


def head(number: int, fields: Any = ((b":status", b"200"),), ended: bool = False) -> bytes:
    """A whole HEADERS frame of anything."""
    return frame(frames.HEADERS, frames.END_HEADERS | (frames.END_STREAM if ended else 0), number, hpack.encode(fields))


def data(number: int, body: bytes, ended: bool = False) -> bytes:
    """A DATA frame."""
    return frame(frames.DATA, frames.END_STREAM if ended else 0, number, body)
