"""Sliced: what comes over a connection is handed on by pieces, one a turn of the event loop.

An API server sends each object of a watch as a chunk of its own, and a thousand of them fit into one read of the
socket: taken apart at once they would hold everything else up for tens of milliseconds.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure

#: Bytes of a piece: some 60 small objects.
PIECE: Final = 16 * 1024


class Sliced(ProtocolWrapper):
    """Between a transport and the protocol that the wrapped factory makes."""

    def __init__(self, factory: Any, wrapped: Any) -> None:
        super().__init__(factory, wrapped)
        self._clock = factory.clock
        self._held = bytearray()
        self._turn: Any = None
        self._paused = False
        self._lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        if len(data) <= PIECE and not self._held and not self._paused:
            self.wrappedProtocol.dataReceived(data)
            return
        if not self._held:
            self.transport.pauseProducing()  # type: ignore[union-attr]
        self._held += data
        self._soon()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._held:
            self._lost = reason
        else:
            super().connectionLost(reason)

    def pauseProducing(self) -> None:
        """The protocol takes no more for now."""
        self._paused = True
        self._wait()
        self.transport.pauseProducing()  # type: ignore[union-attr]

    def resumeProducing(self) -> None:
        """It takes more."""
        self._paused = False
        if self._held:
            self._soon()
        elif self._lost is None:
            self.transport.resumeProducing()  # type: ignore[union-attr]

    def abortConnection(self) -> None:
        """Nothing that is still here is wanted."""
        self._held.clear()
        self._wait()
        if self._lost is None:
            self.transport.abortConnection()  # type: ignore[union-attr]
        else:
            self._end()

    def _soon(self) -> None:
        if self._turn is None and not self._paused:
            self._turn = self._clock.callLater(0, self._hand_on)

    def _wait(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _hand_on(self) -> None:
        self._turn = None
        piece = bytes(self._held[:PIECE])
        del self._held[:PIECE]
        self.wrappedProtocol.dataReceived(piece)
        if self._held:
            self._soon()
        elif self._lost is not None:
            self._end()
        elif not self._paused and not self.transport.disconnecting:  # type: ignore[union-attr]
            self.transport.resumeProducing()  # type: ignore[union-attr]

    def _end(self) -> None:
        reason, self._lost = self._lost, None
        if reason is not None:
            super().connectionLost(reason)


class Slicing(WrappingFactory):
    """Makes the protocols of `wrapped`, each behind a Sliced; `clock` is IReactorTime."""

    protocol = Sliced
    noisy = False

    def __init__(self, wrapped: Any, clock: Any) -> None:
        super().__init__(wrapped)
        self.clock = clock
