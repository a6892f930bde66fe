"""What OpenSSL can do and Python's `ssl` does not offer: ticket keys, and client certificates for one name only.

`ssl` keeps its pointers in objects whose layout has not changed since CPython 3.8. It is not believed but looked at
once: where anything is not as expected `AVAILABLE` is False, and nothing is touched.
"""

from __future__ import annotations

import ctypes
import ssl
import sys
from typing import Any, Final

#: Bytes of ticket keys: a name, an HMAC key and an AES key.
TICKET_KEYS: Final = 80

_SET_TICKET_KEYS, _GET_TICKET_KEYS = 59, 58
_SET_SESSION_CACHE, _CACHE_OFF = 44, 0
_NO_TICKET: Final = 1 << 14
#: SSL_VERIFY_PEER, and with it SSL_VERIFY_FAIL_IF_NO_PEER_CERT.
_VERIFY: Final = {ssl.CERT_OPTIONAL: 1, ssl.CERT_REQUIRED: 3}
#: Where the pointers stand behind an object's head: `ctx` of a context; `Socket`, `ssl`, `ctx` of a connection.
_HEAD = object.__basicsize__
_POINTER = ctypes.sizeof(ctypes.c_void_p)


def _library() -> Any:
    """The OpenSSL that Python's `ssl` uses; OSError, AttributeError or TypeError where it can't be reached."""
    import _ssl

    library = ctypes.CDLL(_ssl.__file__)
    pointer, number = ctypes.c_void_p, ctypes.c_long
    for name, result, arguments in (
        ("SSL_CTX_ctrl", number, (pointer, ctypes.c_int, number, pointer)),
        ("SSL_get_SSL_CTX", pointer, (pointer,)),
        ("SSL_set_verify", None, (pointer, ctypes.c_int, pointer)),
        ("SSL_set_options", ctypes.c_uint64, (pointer, ctypes.c_uint64)),
        ("SSL_set_num_tickets", ctypes.c_int, (pointer, ctypes.c_size_t)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _at(object_: Any, index: int) -> int:
    return ctypes.c_void_p.from_address(id(object_) + _HEAD + index * _POINTER).value or 0


def _context(context: ssl.SSLContext) -> int:
    return _at(context, 0)


def _connection(connection: ssl.SSLObject) -> int:
    return _at(connection._sslobj, 1)  # type: ignore[attr-defined]


def _look() -> bool:
    """Whether the pointers are where they are looked for."""
    if sys.implementation.name != "cpython" or _openssl is None or hasattr(sys, "gettotalrefcount"):
        return False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    connection = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)
    if _at(connection._sslobj, 2) != id(context):  # type: ignore[attr-defined]
        return False
    if _openssl.SSL_get_SSL_CTX(_connection(connection)) != _context(context):
        return False
    return bool(_openssl.SSL_CTX_ctrl(_context(context), _GET_TICKET_KEYS, 0, None) == TICKET_KEYS)


try:
    _openssl = _library()
except (OSError, AttributeError, TypeError):
    _openssl = None

#: Whether the functions below can be used.
AVAILABLE: Final = _look()


def set_ticket_keys(context: ssl.SSLContext, keys: bytes) -> None:
    """Seal session tickets with `keys` (TICKET_KEYS bytes): whoever has the same resumes them."""
    buffer = ctypes.create_string_buffer(keys, TICKET_KEYS)
    _openssl.SSL_CTX_ctrl(_context(context), _SET_TICKET_KEYS, TICKET_KEYS, buffer)
    _openssl.SSL_CTX_ctrl(_context(context), _SET_SESSION_CACHE, _CACHE_OFF, None)


def demand(connection: ssl.SSLObject, mode: ssl.VerifyMode) -> None:
    """Within the name's callback: ask this client for a certificate, and give it no ticket.

    A session that is resumed brings the certificate that it began with, whoever trusted that one: so none is.
    """
    pointer = _connection(connection)
    _openssl.SSL_set_verify(pointer, _VERIFY[mode], None)
    _openssl.SSL_set_options(pointer, _NO_TICKET)
    _openssl.SSL_set_num_tickets(pointer, 0)
