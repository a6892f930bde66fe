"""How one side of a connection ends by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import ISSLTransport


def half_close_of(transport: Any) -> Callable[[], None] | None:
    """What ends the sending side of `transport` alone, once all is sent; None where there is no such thing.

    TLS, on any reactor, ends as a whole.
    """
    if ISSLTransport.providedBy(transport):
        return None
    found: Callable[[], None] | None = getattr(transport, "loseWriteConnection", None)
    return found
