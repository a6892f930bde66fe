"""The Python scanner by examples; tests/laws/test_scan_laws.py holds it against the compiled one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gwt.wire.names import REQUEST_NAMES, Kind
from gwt.wire.scan import scan_in_python, split_request_line_in_python

ATTRIBUTES: tuple[str | None, ...] = tuple("host" if kind == Kind.HOST else None for kind in range(Kind.COUNT))


def test_lines_are_told_apart() -> None:
    head = SimpleNamespace()
    block = b"first\r\nHost: \th \r\nA:b\r\nhost: i\r\nCookie: c"
    first, kept, special = scan_in_python(block, head, REQUEST_NAMES, ATTRIBUTES, 9, Kind.NOTED)
    assert (first, kept, head.host) == (b"first", b"A:b\r\nCookie: c\r\n", b"h")
    assert special == [(Kind.HOST, b"host", b"i"), (Kind.COOKIE, b"Cookie", b"c")]


def test_limits_and_mistakes() -> None:
    with pytest.raises(OverflowError):
        scan_in_python(b"f\r\nA: b\r\nC: d", SimpleNamespace(), REQUEST_NAMES, ATTRIBUTES, 1, Kind.NOTED)
    for block in (b"f\r\n", b"f\nA: b", b"f\r\nA b", b"f\r\n A: b"):
        with pytest.raises(ValueError):
            scan_in_python(block, SimpleNamespace(), REQUEST_NAMES, ATTRIBUTES, 9, Kind.NOTED)


def test_request_lines() -> None:
    assert split_request_line_in_python(b"GET /a?b?c HTTP/1.1") == (b"GET", b"/a?b?c", b"/a", b"b?c")
    assert split_request_line_in_python(b"GET / HTTP/1.1") == (b"GET", b"/", b"/", None)
    assert split_request_line_in_python(b"GET * HTTP/1.1") is None
