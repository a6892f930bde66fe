"""Wire: a connection to a Redis whose owner gets every reply, and the factory that makes another one when it is lost.

Import this only once a reactor is installed: txredisapi takes the global one as it is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import txredisapi

#: Commands made in C, where hiredis is installed.
_PACK: Any = getattr(txredisapi.hiredis, "pack_command", None)

#: Seconds in which the reactor reads what has come in time, where this process stood still until an answer was due.
READ = 0.002


class Owner(Protocol):
    """Whoever a connection is for."""

    def connected(self, wire: Wire) -> None:
        """A connection stands, logged in; `wire.reader` may be set."""

    def refused(self, why: str) -> None:
        """Redis does not let us in; it will be tried again."""

    def lost(self, wire: Wire) -> None:
        """A connection is gone, for whatever reason."""


class Wire(txredisapi.RedisProtocol):
    """txredisapi's protocol, with a short way for replies: once there is a `reader`, it gets them all."""

    reader: Callable[[object], None] | None = None

    def send(self, *words: bytes) -> None:
        """Write one command."""
        self.transport.write(_PACK(words) if _PACK else self._build_command(*words))

    def dataReceived(self, data: bytes, unpause: bool = False) -> None:
        try:
            super().dataReceived(data, unpause)
        except txredisapi.RedisError:  # whoever speaks there does not speak Redis
            self.transport.abortConnection()

    def tryConvertData(self, data: object) -> object:
        """As it came: a look at each element of a reply that has thousands would take tens of milliseconds."""
        return data

    def replyReceived(self, reply: object) -> None:
        if self.reader is None:
            super().replyReceived(reply)
        else:
            self.reader(reply)

    def connectionLost(self, why: Any) -> None:
        self.reader = None
        super().connectionLost(why)
        self.factory.owner.lost(self)


class WireFactory(txredisapi.RedisFactory):
    """Connects for its owner, again and again: also where Redis refuses a password or is still loading its data.

    `delays` are seconds between attempts, the first and the longest; they grow by e, with jitter.
    """

    protocol = Wire

    def __init__(
        self, owner: Owner, username: str | None, password: str | None, database: int | None,
        delays: tuple[float, float],
    ) -> None:  # fmt: skip
        super().__init__(
            "gwt", database, 1, isLazy=True, charset=None, password=password, convertNumbers=False, username=username
        )
        self.owner = owner
        self.initialDelay, self.maxDelay = delays

    def addConnection(self, conn: Wire) -> None:
        super().addConnection(conn)
        if conn.connected and not self.disconnectCalled:
            self.owner.connected(conn)

    def stopTrying(self) -> None:
        """Nothing ends the attempts but `disconnect`."""

    def connectionError(self, why: str) -> None:
        self.owner.refused(why)
