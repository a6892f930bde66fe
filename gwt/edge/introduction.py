"""Clients behind the PROXY protocol: a `haproxy:` listener knows them by the connection's first bytes, not before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gwt.edge.channel import Channel


class Introduction:
    """Stands before a channel until the PROXY header was read; then the factory hears of it, and this steps aside."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def dataReceived(self, data: bytes) -> None:
        """The first bytes behind the header."""
        channel = self._channel
        channel.transport.wrappedProtocol = channel
        channel.factory.introduced(channel)
        channel.dataReceived(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)
