"""What is the same in an exchange by whatever protocol its client came: filters first, then one way to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gwt.edge.refusal import refusal
from gwt.edge.tunnel import Tunnel
from gwt.errors import GatewayError
from gwt.phase.exchange import Exchange
from gwt.shortcut import shortcut

if TYPE_CHECKING:
    from gwt.edge.channel import Channel
    from gwt.tls.peer import Handshake


class Served(Exchange):
    """An exchange whose answer passes the filters of its chain, and is then written by its protocol.

    `_bodiless`: the answer has no body, whatever is sent of one; `tunnelled`: it is a WebSocket by now.
    """

    __slots__ = ("_bodiless", "tunnelled")

    _bodiless: bool
    tunnelled: Tunnel | None

    # -- the protocol's own

    def write_head(
        self, status: int, reason: bytes, fields: bytes, length: int | None, body: bytes, done: bool
    ) -> None:
        """Begin the answer, as `respond` has it; where it is `done`, it is complete."""
        raise TypeError(type(self))

    def write(self, data: bytes) -> None:
        """More of the body."""
        raise TypeError(type(self))

    def write_end(self, trailers: list[bytes]) -> None:
        """The answer is complete."""
        raise TypeError(type(self))

    def break_off(self) -> None:
        """The answer can't be completed, and the client must see that."""
        raise TypeError(type(self))

    # -- the answer

    @shortcut("respond")
    def respond(self, status: int, reason: bytes, fields: bytes, length: int | None, body: bytes, done: bool) -> None:
        if self.phases is not None and not self.phases.passing:
            self.phases.respond(status, reason, fields, length, body, done)
            return
        if self.edit is not None:
            fields = self.edit.changed(self, fields)
        self.status, self.answering = status, True
        if not self.gone:
            self.write_head(status, reason, fields, length, body, done)

    def send(self, data: bytes) -> None:
        if self.gone or self._bodiless:
            return
        if self.phases is not None and not self.phases.passing:
            self.phases.send(data)
            return
        if self.tunnelled is not None and not (data := self.tunnelled.down.passed(data)):
            return
        self.write(data)

    def finish(self, trailers: list[bytes]) -> None:
        if self.gone or self.answered:
            return
        if self.phases is not None and not self.phases.passing:
            self.phases.finish(trailers)
            return
        self.write_end(trailers)

    def fail(self, error: GatewayError) -> None:
        if self.code is None:
            self.code = error.code
        if self.gone or self.answered:
            return
        if self.answering:
            self.break_off()
            return
        status, fields, body = refusal(error, self.request_id, self.wants_grpc)
        self.reader = None
        self.respond(status, b"", fields, len(body), body, True)


class Listened(Served):
    """One that came by a channel of the gateway's own."""

    __slots__ = ("channel",)

    channel: Channel

    @property
    def tls(self) -> Handshake | None:
        return self.channel.tls

    @property
    def server_addr(self) -> str:
        return getattr(self.channel.transport.getHost(), "host", None) or ""

    def tunnel(self, fields: bytes) -> None:
        if self.phases is not None:
            self.phases.passing = True  # what passes in a tunnel is no answer
        self.answering = True
        self.tunnelled = Tunnel(self)
        self.channel.factory.tunnel_opened(self.tunnelled)
        self.write_upgrade(fields)

    def write_upgrade(self, fields: bytes) -> None:
        """Tell the client that the tunnel stands; what it has sent ahead goes on."""
        raise TypeError(type(self))
