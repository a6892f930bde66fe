"""What the gateway tells an upstream about the client: X-Forwarded-*, X-Real-IP, X-Request-Id, traceparent.

A trusted peer's word is believed and appended to; everybody else's was dropped with the head's
other `forwarded` fields, and is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}").fullmatch
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}").fullmatch
_HOST = re.compile(rb"[A-Za-z0-9._~%!$&'()*+;=:\[\]-]{1,260}").fullmatch
_PORT = re.compile(rb"[0-9]{1,5}").fullmatch

Trusts = Callable[[str], bool]


def lines_for(client: str, scheme: bytes, port: int, chain: bytes | None = None) -> bytes:
    """The lines that are the same for all requests of a connection, each with its CRLF.

    `chain` is the value for X-Forwarded-For where it is not just `client`.
    """
    address = client.encode("ascii")
    return b"X-Forwarded-For: %b\r\nX-Real-IP: %b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Port: %d\r\n" % (
        chain or address,
        address,
        scheme,
        port,
    )


def client_certificate_line(shown: bytes | None, said: bytes | None) -> bytes:
    """X-Forwarded-Client-Cert, with its CRLF: what a trusted peer has said, then what the client itself has shown."""
    elements = [element for element in (said, shown) if element]
    return b"X-Forwarded-Client-Cert: %b\r\n" % b",".join(elements) if elements else b""


def believed(
    peer: str, said: dict[bytes, bytes], scheme: bytes, port: int, trusts: Trusts
) -> tuple[str, bytes, bytes | None]:
    """What a trusted `peer` says: the client's address, the lines, and the host (None: not said).

    The client is the first address from the right that is not trusted; an address that can't be read ends the search.
    """
    before = said.get(b"x-forwarded-for", b"")
    client = _client(peer, before.decode("latin-1").split(","), trusts)
    chain = b"%b, %b" % (before, peer.encode("ascii")) if before else None
    if b"https" == said.get(b"x-forwarded-proto", b"").lower():
        scheme = b"https"
    elif said.get(b"x-forwarded-proto", b"").lower() == b"http":
        scheme = b"http"
    said_port = said.get(b"x-forwarded-port", b"")
    if _PORT(said_port):
        port = int(said_port)
    host = said.get(b"x-forwarded-host")
    if host is not None and not _HOST(host):
        host = None
    return client, lines_for(client, scheme, port, chain), host


def _client(peer: str, before: list[str], trusts: Trusts) -> str:
    """The client's address: the last that somebody trusted vouches for."""
    client = peer
    for said in reversed(before):
        if not trusts(client):
            break
        if not said.strip():
            continue
        address = plain_address(said.strip())
        if address is None:
            break
        client = address
    return client


def plain_address(said: str) -> str | None:
    """An address as proxies write it (with a port or brackets, perhaps) -> plain; None where it is none."""
    text = said
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address)


class Ids:
    """Random identifiers in hexadecimal, cut from a block that is drawn at once. `random(n)` gives n random bytes."""

    __slots__ = ("_at", "_block", "_random")

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._block = b""
        self._at = 0

    def take(self, digits: int) -> bytes:
        """So many hexadecimal digits."""
        at = self._at
        end = at + digits
        if end > len(self._block):
            self._block = self._random(4096).hex().encode("ascii")
            at, end = 0, digits
        self._at = end
        return self._block[at:end]


def request_id(said: bytes | None, ids: Ids) -> bytes:
    """The client's X-Request-Id where it is 1 to 128 of `[A-Za-z0-9._-]`, else 32 random hexadecimal digits."""
    if said is not None and _REQUEST_ID(said):
        return said
    return ids.take(32)


def traceparent(said: bytes | None, ids: Ids) -> bytes:
    """The client's traceparent where it is one (W3C Trace Context), else a new one that asks nobody to sample."""
    if said is not None and _TRACEPARENT(said):
        return said
    return b"".join((b"00-", ids.take(32), b"-", ids.take(16), b"-00"))
