"""Field lines changed: `fields` are lines that each end in CRLF, names are compared without regard to case.

What could end a line early never gets into one: a bad name is ValueError (a plugin's own fault), a bad value
GatewayError `bad_request`, as values are made of what a client sends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from gwt.errors import GatewayError
from gwt.wire.names import TEXT, TOKEN, field, without

Text = str | bytes

#: What frames a message or belongs to one connection: nobody sets these but the gateway.
FRAMING = frozenset(
    b"connection content-length expect host http2-settings keep-alive proxy-connection te transfer-encoding trailer "
    b"upgrade".split()
)


def octets(text: Text) -> bytes:
    """`text` as bytes: a str as UTF-8."""
    return text if isinstance(text, bytes) else text.encode()


def line(name: Text, value: Text) -> bytes:
    """One field line, with its CRLF. ValueError for a name that is none, or that only the gateway sets."""
    name, value = settable(name), octets(value)
    if value.translate(None, TEXT):
        raise GatewayError("bad_request", f"what was made for the header {name.decode()} holds control characters")
    return b"%b: %b\r\n" % (name, value)


def lines(headers: Mapping[str, Text] | Iterable[tuple[Text, Text]]) -> bytes:
    """The field lines of names and values, as `line` makes them."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return b"".join([line(name, value) for name, value in pairs])


@lru_cache(maxsize=4096)
def settable(name: Text) -> bytes:
    """`name` as bytes, if a plugin may set it; else ValueError."""
    name = octets(name)
    if not TOKEN(name):
        raise ValueError(f"{name!r} can't be the name of a header")
    if name.lower() in FRAMING:
        raise ValueError(f"the header {name.decode('latin-1')} is set by the gateway alone")
    return name


def has(fields: bytes, name: bytes) -> bool:
    """Whether there is a field `name` (lower case)."""
    return field(fields, name) is not None


def put(fields: bytes, name: bytes, value: Text) -> bytes:
    """`fields` with this one in place of all of its name."""
    return removed(fields, name) + line(name, value)


def removed(fields: bytes, name: bytes) -> bytes:
    """`fields` without those of this name."""
    lower = name.lower()
    return without(fields, (lower,)) if lower + b":" in fields.lower() else fields
