"""A message head's lines told apart: the one loop over bytes that every request and answer pays for.

It is written twice, here and in `_scan.c`; the C module is optional and, where it was built, takes the
place of the function here. tests/laws/test_scan_laws.py holds the two against each other.
"""

from __future__ import annotations

import re

from gwt.wire.names import TEXT, Names

Scanned = tuple[bytes, bytes, list[tuple[int, bytes, bytes]]]

#: The name of every well-formed field line that follows the first line: a token right before a colon, at the start of
#: the line. A line without a name (a fold, a space before the colon) is missing from what it finds.
_NAMES = re.compile(rb"\r\n([!#$%&'*+\-.^_`|~0-9A-Za-z]+):").findall


def scan_in_python(
    block: bytes, head: object, names: Names, attributes: tuple[str | None, ...], max_fields: int, forwarded_from: int
) -> Scanned:
    """First line, the field lines to forward as they are (each with its CRLF), and (kind, name, value) of the others.

    `block` is a head without the CRLF of its last line. The first field of a kind for which `attributes` has a name
    becomes that attribute of `head` (its value) instead. A kind of `forwarded_from` or more is forwarded as well.
    Raises ValueError (malformed; the message is for people), OverflowError (more than `max_fields`).
    """
    lines = block.split(b"\r\n")
    if block.translate(None, TEXT) != b"\r\n" * (len(lines) - 1):
        raise ValueError("a control character or a bare CR or LF in the head")
    found = _NAMES(block)
    if len(found) != len(lines) - 1:
        raise ValueError("a header line that is not NAME: VALUE")
    if len(found) > max_fields:
        raise OverflowError("too many header fields")
    first = lines[0]
    del lines[0]
    kept: list[bytes] = []
    special: list[tuple[int, bytes, bytes]] = []
    seen: set[int] = set()
    for name, line in zip(found, lines, strict=True):
        kind = names[name]
        if kind:
            value = line[len(name) + 1 :].strip(b" \t")
            attribute = attributes[kind]
            if attribute is None or kind in seen:
                special.append((kind, name, value))
            else:
                seen.add(kind)
                setattr(head, attribute, value)
            if kind < forwarded_from:
                continue
        kept.append(line)
    kept.append(b"")
    return first, b"\r\n".join(kept), special


_ORDINARY = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ((/[!\"$->@-~]*)(?:\?([!\"$-~]*))?) HTTP/1\.1").fullmatch


def split_request_line_in_python(line: bytes) -> tuple[bytes, bytes, bytes, bytes | None] | None:
    """Method, target, path and query of a request line in origin form and HTTP/1.1; None for any other."""
    found = _ORDINARY(line)
    return None if found is None else found.groups()  # type: ignore[return-value]


def head_end_in_python(data: bytes, start: int, stop: int) -> int:
    """Where in `data[start:stop]` the empty line that ends a head begins (its CRLF of the line before); -1: nowhere."""
    return data.find(b"\r\n\r\n", start, stop)


try:
    from gwt.wire._scan import (  # type: ignore[import-not-found,unused-ignore]
        head_end,
        scan,
        split_request_line,
    )
except ImportError:
    head_end = head_end_in_python
    scan, split_request_line = scan_in_python, split_request_line_in_python
