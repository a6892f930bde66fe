"""gwt.identity.cookie: once or not at all, whatever stands around it."""

from __future__ import annotations

import pytest

from gwt.identity.cookie import SessionCookie

SESSION = SessionCookie("session")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (b"session=x", b"x"),
        (b"a=1; session=x; b=2", b"x"),
        (b"a=1;session=x;b=2", b"x"),
        (b"a=1;\tsession=x=y==; b", b"x=y=="),
        (b"Session=y; SESSION=z; session=x", b"x"),
        (b"xsession=1; sessionx=2; session x=3; session=x", b"x"),
        (b'session="x"', b'"x"'),
        (b"a=session=y; session=x", b"x"),
        (b"session=" + b"x" * 4096, b"x" * 4096),
        (b"", None),
        (b"a=1", None),
        (b"xsession=1", None),
        (b"session", None),
        (b"session=", None),
        (b"session=x; session=x", None),
        (b"session=x; session=y", None),
        (b"session=x;session", None),
        (b"session=x; session =y", None),
        (b"session=x;\t session\t=y", None),
        (b"session= x", None),
        (b"session=x y", None),
        (b"session=\xe4", None),
        (b"session=x\ty", None),
        (b"session=" + b"x" * 4097, None),
        (b"session=x; " + b"session=x; " * 200, None),
    ],
)
def test_it_is_found_where_it_stands_once(header: bytes, value: bytes | None) -> None:
    assert SESSION.only(header) == value


def test_a_name_is_no_pattern() -> None:
    assert SessionCookie("a.b|c").only(b"aXb=1; c=2; a.b|c=3") == b"3"


@pytest.mark.parametrize(
    ("fields", "rest"),
    [
        (b"Cookie: session=x\r\n", b""),
        (b"Cookie: session=x; a=1\r\n", b"Cookie: a=1\r\n"),
        (b"Cookie: a=1; session=x; b=2\r\n", b"Cookie: a=1; b=2\r\n"),
        (b"A: session=x\r\ncookie:a=1;session=x\r\nB: 2\r\n", b"A: session=x\r\ncookie:a=1\r\nB: 2\r\n"),
        (b"Cookie: session=x\r\nCOOKIE: session=y; a=1\r\n", b"COOKIE: a=1\r\n"),
        (b"Cookie: session=x;session=y; session;a=1\r\n", b"Cookie: a=1\r\n"),
        (b"Cookie: a=session; sessionx=1\r\n", b"Cookie: a=session; sessionx=1\r\n"),
        (b"X-Cookie: session=x\r\n", b"X-Cookie: session=x\r\n"),
        (b"Cookie: a=1\r\n", b"Cookie: a=1\r\n"),
        (b"Cookie: \r\n", b"Cookie: \r\n"),
        (b"", b""),
    ],
)
def test_it_is_taken_out(fields: bytes, rest: bytes) -> None:
    assert SESSION.without(fields) == rest


def test_a_long_field_of_blanks_is_read_in_no_time() -> None:
    header = (b"; \t" * 10_000 + b"session" + b" " * 30_000) * 3
    assert SESSION.only(header) is None
    assert SESSION.without(b"Cookie: %b\r\n" % header).count(b"session") == 0
