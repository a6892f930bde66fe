"""A TLS connection of Python's `ssl` in the shape of pyOpenSSL's, which is what Twisted's TLS works with.

So one set of contexts serves every reactor: those that hand sockets to uvloop, and those that wrap their transports.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from zope.interface import implementer

#: Bytes that are passed over at once.
_PASSED_OVER = 65536


#: What the first releases of Python 3.11 say of an end without a goodbye; later ones have an exception for it.
_RAGGED = "UNEXPECTED_EOF_WHILE_READING"


class BioConnection:
    """The methods of `OpenSSL.SSL.Connection` that `TLSMemoryBIOProtocol` calls. `object` is Python's connection."""

    def __init__(self, context: ssl.SSLContext, server_name: str | None, server_side: bool) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_side, server_name)

    def set_accept_state(self) -> None:
        """It was made for one side."""

    set_connect_state = set_accept_state

    def set_app_data(self, data: object) -> None:
        """Nobody asks for it."""

    def do_handshake(self) -> None:
        _translated(self.object.do_handshake)

    def bio_write(self, data: bytes) -> int:
        return self._incoming.write(data)

    def bio_read(self, size: int) -> bytes:
        """All that is to be sent, whatever `size` says."""
        data = self._outgoing.read()
        if not data:
            raise SSL.WantReadError()
        return data

    def bio_shutdown(self) -> None:
        self._incoming.write_eof()

    def recv(self, size: int) -> bytes:
        data: bytes = _translated(self.object.read, size)
        if not data:
            raise SSL.ZeroReturnError()
        return data

    def send(self, data: bytes) -> int:
        return int(_translated(self.object.write, data))

    def shutdown(self) -> bool:
        """Say goodbye; whether the peer has said it too. What else it has sent is not waited for, and passed over:
        unread, it would be taken for the wrong answer.
        """
        with suppress(ssl.SSLError, ValueError):
            while self.object.read(_PASSED_OVER):
                continue
        try:
            self.object.unwrap()
        except ssl.SSLWantReadError:
            return False
        except (ssl.SSLError, ValueError, OSError) as error:
            raise SSL.Error([("", "", str(error))]) from error
        return True

    def get_peer_certificate(self) -> None:
        """See `gwt.tls.peer`: what is known of the peer is read off `object`."""

    def get_alpn_proto_negotiated(self) -> bytes:
        return (self.object.selected_alpn_protocol() or "").encode("ascii")


class HandshakeError(SSL.Error):
    """TLS has failed; `cause` is what Python's `ssl` says of it."""

    def __init__(self, cause: ssl.SSLError) -> None:
        super().__init__([("", "", getattr(cause, "reason", None) or str(cause))])
        self.cause = cause


def _translated(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        raise SSL.WantReadError() from None
    except ssl.SSLZeroReturnError:
        raise SSL.ZeroReturnError() from None
    except ssl.SSLError as error:
        if isinstance(error, ssl.SSLEOFError) or error.reason == _RAGGED:
            raise SSL.SysCallError(-1, "Unexpected EOF") from None
        raise HandshakeError(error) from error


@implementer(IOpenSSLServerConnectionCreator, IOpenSSLClientConnectionCreator)
class Creator:
    """Makes connections in the context of now. `server_name` is whom a client expects, None on a server."""

    def __init__(self, context: Callable[[], ssl.SSLContext], server_name: str | None = None) -> None:
        self._context, self._server_name = context, server_name

    def serverConnectionForTLS(self, protocol: object) -> Any:
        return BioConnection(self._context(), None, server_side=True)

    def clientConnectionForTLS(self, protocol: object) -> Any:
        return BioConnection(self._context(), self._server_name, server_side=False)
