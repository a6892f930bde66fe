"""A gateway without sockets whose client speaks HTTP/2: the h2 package, as judge of what the gateway writes.

framed = Framed()
number = framed.ask()
assert framed.answers[number].status == 200
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.settings
from edge.rig import Rig

GET = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a.example")]
POST = [(":method", "POST"), *GET[1:]]


@dataclass
class Answer:
    """What came on one stream."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    interim: list[int] = field(default_factory=list)
    ended: bool = False
    reset: int | None = None


class Framed:
    """`rig`, reached over HTTP/2; `reads` whether the client gives windows back by itself."""

    def __init__(self, settings: dict[int, int] | None = None, reads: bool = True, **rig: Any) -> None:
        self.rig = Rig(**rig)
        self.reads = reads
        self.answers: dict[int, Answer] = {}
        self.gone: list[int] = []
        self._read = 0
        config = h2.config.H2Configuration(header_encoding=None, validate_outbound_headers=False)
        config.normalize_outbound_headers = False
        self.judge = h2.connection.H2Connection(config)
        self.judge.initiate_connection()
        if settings:
            self.judge.update_settings(settings)
        self.settle()

    @property
    def seen(self) -> list[Any]:
        """What upstreams saw."""
        return self.rig.seen

    def settle(self) -> Framed:
        """Carry what is on its way, both ways."""
        while True:
            there = self.judge.data_to_send()
            if there:
                self.rig.send(there)
            self.rig.settle()
            here = self.rig.wire.written[self._read :]
            self._read += len(here)
            if not here:
                return self
            for event in self.judge.receive_data(here):
                self._heard(event)

    def _heard(self, event: Any) -> None:
        if isinstance(event, h2.events.ConnectionTerminated):
            self.gone.append(event.error_code)
            return
        number = getattr(event, "stream_id", None)
        if not number:
            return
        answer = self.answers.setdefault(number, Answer())
        if isinstance(event, h2.events.ResponseReceived):
            answer.headers = dict(event.headers)
            answer.status = int(answer.headers[b":status"])
        elif isinstance(event, h2.events.InformationalResponseReceived):
            answer.interim.append(int(dict(event.headers)[b":status"]))
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data
            if self.reads:
                self.judge.acknowledge_received_data(event.flow_controlled_length, number)
        elif isinstance(event, h2.events.TrailersReceived):
            answer.trailers = list(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            answer.ended = True
        elif isinstance(event, h2.events.StreamReset):
            answer.reset = event.error_code

    def ask(self, *more: tuple[str, str], base: Any = GET, body: bytes | None = None, end: bool = True) -> int:
        """A request; its stream. `body` None: none."""
        number = self.judge.get_next_available_stream_id()
        self.judge.send_headers(number, [*base, *more], end_stream=end and body is None)
        if body is not None:
            self.judge.send_data(number, body, end_stream=end)
        self.settle()
        return number

    def get(self, *more: tuple[str, str], base: Any = GET, body: bytes | None = None) -> Answer:
        """A request and its answer, which must be complete."""
        answer = self.answers[self.ask(*more, base=base, body=body)]
        assert answer.ended
        return answer

    def raw(self, *frames: bytes) -> Framed:
        """Frames past the judge."""
        self.settle()
        self.rig.send(*frames)
        return self

    def pass_time(self, seconds: float) -> Framed:
        """As the rig's."""
        for _ in range(round(seconds * 10)):
            self.rig.pass_time(0.1)
            self.settle()
        return self
