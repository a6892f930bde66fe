"""The receiving half of a stream: who gets the data, and when it may be read.

uvloop keeps what it finds as `data_received` when it is given the stream. For a protocol whose class
says `native_data_received = True` that is the protocol's own bound `dataReceived`: such a class
promises that its instances never rebind that method and that it never raises. All others are called
late-bound, with Twisted's log context; what they raise is logged and loses the connection.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Any, cast

from twisted.internet import error
from twisted.internet.interfaces import IHalfCloseableProtocol, ILoggingContext
from twisted.python import log
from twisted.python.failure import Failure

from gwt.reactor.outgoing import Outgoing
from gwt.reactor.turns import Turns

DONE = Failure(error.ConnectionDone())


class Incoming(Outgoing):
    """What a stream does with bytes that have come."""

    __slots__ = ("_held", "_holding", "_log_prefix", "_reading", "_reason", "data_received")

    data_received: Callable[[bytes], None]

    def __init__(self, loop: AbstractEventLoop, turns: Turns) -> None:
        super().__init__(loop, turns)
        self._reason: Failure | None = None
        self._reading = True
        self._holding = False
        self._held: bytes | None = None
        self._log_prefix: str | None = None
        self._protocol = None

    # -- the protocol ----------------------------------------------------------------------------

    @property
    def protocol(self) -> Any:
        """The protocol that gets the data; may be replaced at any time."""
        return self._protocol

    @protocol.setter
    def protocol(self, protocol: Any) -> None:
        self._protocol = protocol
        self._log_prefix = None
        if not self._holding:
            self._receive_by(self._receiver())

    def _receiver(self) -> Callable[[bytes], None]:
        protocol = self._protocol
        if getattr(type(protocol), "native_data_received", False):
            return cast("Callable[[bytes], None]", protocol.dataReceived)
        return self._deliver

    def _receive_by(self, receiver: Callable[[bytes], None]) -> None:
        self.data_received = receiver
        if self._uv is not None:
            self._uv.set_protocol(cast(Any, self))  # uvloop keeps the attribute, not its name

    @property
    def reading(self) -> bool:
        """Does this stream wait for input?"""
        return self._reading and self.connected and not self.disconnecting

    # -- called by uvloop ------------------------------------------------------------------------

    def _deliver(self, data: bytes) -> None:
        """Hand data to a protocol of which nothing is known."""
        try:
            log.callWithContext({"system": self.logPrefix()}, self._protocol.dataReceived, data)
        except Exception:
            self._fail(Failure())

    def eof_received(self) -> bool:
        """The peer has shut down its sending side; where many do so at once, some hear of it later."""
        self._turns.take(self._ended)
        return True

    def _ended(self) -> None:
        """Do what the end of the peer's sending asks for."""
        if self._uv is None or self.disconnecting:
            return  # somebody was faster
        if self._holding:
            self._held = b""
        elif IHalfCloseableProtocol.providedBy(self._protocol):
            self._reading = False
            try:
                self._protocol.readConnectionLost()
            except Exception:
                self._fail(Failure())
        else:
            self._reason = self._reason or DONE
            self._uv.abort()

    # -- reading ---------------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """Stop reading (`IPushProducer`)."""
        self._reading = False
        if self._uv is not None:
            self._uv.pause_reading()
        else:
            self._loop.call_soon(self._settle)  # directly after uvloop has begun to read

    def resumeProducing(self) -> None:
        """Read again (`IPushProducer`)."""
        if not self.connected or self.disconnecting:
            return
        self._reading = True
        if self._uv is None:
            return
        if self._holding:
            self._loop.call_soon(self._settle)
        else:
            self._uv.resume_reading()

    stopReading = pauseProducing
    startReading = resumeProducing

    def _hold(self, data: bytes) -> None:
        """Keep what came between uvloop's begin to read and the pause that was asked for before it."""
        self._held = data
        if self._uv is not None:
            self._uv.pause_reading()

    def _settle(self) -> None:
        """Bring a stream that was paused before it was attached to what is wanted by now."""
        uv = self._uv
        if uv is None or self.disconnecting:
            return
        if not self._reading:
            uv.pause_reading()
            return
        if not self._holding:
            return
        held, self._held, self._holding = self._held, None, False
        self._receive_by(self._receiver())
        if held:
            self.data_received(held)
        elif held is not None:
            self.eof_received()
            return
        if self._reading and self._uv is not None:
            uv.resume_reading()

    # -- the log ----------------------------------------------------------------------------------

    def logPrefix(self) -> str:
        """What is put before a log line while this stream's protocol runs."""
        prefix = self._log_prefix
        if prefix is None:
            prefix = self._log_prefix = self._make_log_prefix()
        return prefix

    logstr = property(logPrefix)

    def _make_log_prefix(self) -> str:
        return protocol_prefix(self._protocol)


def protocol_prefix(protocol: Any) -> str:
    """How a protocol wants to be called in the log."""
    if ILoggingContext.providedBy(protocol):
        return protocol.logPrefix()
    return type(protocol).__name__
