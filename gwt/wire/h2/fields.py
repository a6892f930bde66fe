"""Field lists judged (RFC 9113 8.1 to 8.3): what is malformed never gets further than this.

The rules are stricter than the RFC's where HTTP/1.1 stands behind: a value holds no control character at all.
"""

from __future__ import annotations

import re
from functools import lru_cache

from gwt.wire.h2.faults import Malformed
from gwt.wire.h2.hpack import Field, Fields
from gwt.wire.names import TEXT, TOKEN

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+").fullmatch
_STATUS = re.compile(rb"[1-5][0-9][0-9]").fullmatch
_LENGTH = re.compile(rb"[0-9]{1,18}").fullmatch
_PROTOCOL = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
#: Visible ASCII without "#": a target, before anybody has parsed it.
_TARGET = re.compile(rb"/[!\"$-~]*|\*").fullmatch
#: A host and a port: nothing that ends a line, a path or a user's name.
_AUTHORITY = re.compile(rb"[!$&'()*+,;=\-._~%0-9A-Za-z:\[\]]+").fullmatch

_REQUEST_PSEUDO = frozenset((b":method", b":scheme", b":path", b":authority", b":protocol"))
_HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))


def split(fields: Fields, known: frozenset[bytes]) -> tuple[dict[bytes, bytes], list[Field]]:
    """Pseudo-fields, and the others in order. Raises Malformed."""
    pseudo: dict[bytes, bytes] = {}
    others: list[Field] = []
    if b"".join([value for _, value in fields]).translate(None, TEXT):
        raise Malformed("a control character in a field")
    for field in fields:
        name, value = field
        if len(value.strip(b" \t")) != len(value):
            raise Malformed("a value that begins or ends with a blank")
        kind = _kind(name) if len(name) <= _SHORT else _kind_of(name)
        if kind == _ORDINARY:
            others.append(field)
        elif kind == _PSEUDO:
            if name not in known or name in pseudo or others:
                raise Malformed("a pseudo-field that is unknown, doubled or out of place")
            pseudo[name] = value
        elif kind == _BAD:
            raise Malformed("a field name that is none, or has upper case")
        elif kind == _CONNECTION or value.lower() != b"trailers":
            raise Malformed("a field of HTTP/1.1's connections")
        else:
            others.append(field)
    return pseudo, others


_ORDINARY, _PSEUDO, _BAD, _CONNECTION, _TE = range(5)


def _kind_of(name: bytes) -> int:
    if name[:1] == b":":
        return _PSEUDO
    if not _NAME(name):
        return _BAD
    return _CONNECTION if name in _HOP_BY_HOP else _TE if name == b"te" else _ORDINARY


#: Names of at most this many bytes are remembered.
_SHORT = 64
_kind = lru_cache(maxsize=1024)(_kind_of)


def content_length(fields: list[Field]) -> int | None:
    """What Content-Length says; None without one. Raises Malformed."""
    said = [value for name, value in fields if name == b"content-length"]
    if not said:
        return None
    if len(said) > 1 or not _LENGTH(said[0]):
        raise Malformed("Content-Length twice, or malformed")
    return int(said[0])


def check_request(fields: Fields) -> tuple[dict[bytes, bytes], list[Field]]:
    """The parts of a request's list. `:authority` is always there: Host's value, where it was not said. Malformed."""
    pseudo, others = split(fields, _REQUEST_PSEUDO)
    method = pseudo.get(b":method", b"")
    if not TOKEN(method):
        raise Malformed("no method")
    plain = method == b"CONNECT" and b":protocol" not in pseudo
    if plain and (b":scheme" in pseudo or b":path" in pseudo):
        raise Malformed("CONNECT with a scheme or a path")
    if not plain:
        _check_target(method, pseudo)
    if method == b"CONNECT" and any(name == b"content-length" for name, _ in others):
        raise Malformed("CONNECT with a length: what follows it is no body")
    hosts = [value for name, value in others if name == b"host"]
    if len(hosts) > 1:
        raise Malformed("more than one Host")
    authority = pseudo.setdefault(b":authority", hosts[0] if hosts else b"")
    if not _AUTHORITY(authority):
        raise Malformed("no authority, or none that names a host")
    if hosts and hosts[0].lower() != authority.lower():
        raise Malformed("Host and :authority name different hosts")
    return pseudo, [field for field in others if field[0] != b"host"]


def _check_target(method: bytes, pseudo: dict[bytes, bytes]) -> None:
    if pseudo.get(b":scheme", b"").lower() not in (b"http", b"https"):
        raise Malformed("no scheme, or another than http and https")
    path = pseudo.get(b":path", b"")
    if not _TARGET(path) or (path == b"*" and method != b"OPTIONS"):
        raise Malformed("no path, or none that is one")
    if b":protocol" in pseudo and (method != b"CONNECT" or not _PROTOCOL(pseudo[b":protocol"])):
        raise Malformed(":protocol without CONNECT")


def check_answer(fields: Fields) -> tuple[int, list[Field]]:
    """Status, and the fields. Raises Malformed."""
    pseudo, others = split(fields, _ANSWER_PSEUDO)
    status = pseudo.get(b":status", b"")
    if not _STATUS(status) or status == b"101":
        raise Malformed("no status, or none that is one in HTTP/2")
    return int(status), others


_ANSWER_PSEUDO = frozenset((b":status",))


def check_trailers(fields: Fields) -> list[Field]:
    """The fields of a trailer section. Raises Malformed."""
    return split(fields, frozenset())[1]
