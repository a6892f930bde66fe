"""Owner: what a connection to an endpoint tells the exchange that it works for."""

from __future__ import annotations

from typing import Protocol

from gwt.errors import GatewayError
from gwt.wire.response import ResponseHead


class Owner(Protocol):
    """The exchange that a connection works for. `request_sent`: all of the request was handed to the connection."""

    wants_upgrade: bool
    request_sent: bool

    def answer_interim(self, head: ResponseHead) -> None:
        """A 1xx."""

    def answer_head(self, head: ResponseHead, body: bytes, done: bool) -> None:
        """The final head, with what has come of the body; `done`: that was all of it."""

    def answer_body(self, data: bytes) -> None:
        """More of the body."""

    def answer_end(self, trailers: list[bytes]) -> None:
        """The body is complete (not called where `answer_head` said done)."""

    def answer_upgraded(self, head: ResponseHead, data: bytes) -> None:
        """A 101 came, and perhaps first bytes of the tunnel."""

    def answer_failed(self, error: GatewayError) -> None:
        """The connection is of no more use: `error` says what came instead of an answer, or of its end."""

    def answer_refused(self, error: GatewayError) -> None:
        """The endpoint has not looked at the request, and will not: it may be sent elsewhere, whatever it is."""

    def pause_request(self) -> None:
        """The endpoint does not keep up."""

    def resume_request(self) -> None:
        """The endpoint takes more."""
