"""gwt.testing.reading: messages as both ends read them; what is not well-formed is no message."""

from __future__ import annotations

import pytest

from gwt.testing.reading import Headers, cut, read_reply, read_request


def test_requests() -> None:
    data = b"POST /a?b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\nGET"
    found = read_request(data)
    assert found is not None
    seen, rest = found
    assert (seen.method, seen.path, seen.query, seen.body, rest) == ("POST", "/a", "b", b"abc", b"GET")
    assert seen.trailers["t"] == "1" and seen.headers["HOST"] == "x"
    for end in range(len(data) - len("GET")):
        assert read_request(data[:end]) is None


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 1\r\nContent-Length: 1",
        b"Content-Length: 1\r\nTransfer-Encoding: chunked",
        b"no colon",
        b"space : 1",
    ],
)
def test_what_is_ambiguous_is_refused(lines: bytes) -> None:
    with pytest.raises(AssertionError):
        read_request(b"GET / HTTP/1.1\r\n" + lines + b"\r\n\r\n1")


def test_answers() -> None:
    data = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP"
    got = read_reply(data, False, False)
    assert got is not None and (got.status, got.body, got.complete, got.interim) == (200, b"abc", True, (100,))
    assert data[got.used :] == b"HTTP"
    assert read_reply(data[:30], False, False) is None
    until_close = b"HTTP/1.1 200 OK\r\n\r\nabc"
    for ended in (False, True):
        got = read_reply(until_close, False, ended)
        assert got is not None and got.complete is ended
    got = read_reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\nde", False, True)
    assert got is not None and (got.body, got.complete) == (b"abcde", False)


def test_headers() -> None:
    headers = Headers(((b"A", b"1"), (b"a", b"2"), (b"B", b"3")))
    assert headers == {"a": "1, 2", "b": "3"} and headers.all("A") == ["1", "2"] and len(headers) == 2
    assert "x" not in headers and headers.get("x") is None and hash(headers) == hash(Headers(headers.pairs))


def test_pieces() -> None:
    assert cut(b"abcdef", [1, 0, 2]) == [b"a", b"bc", b"def"] and cut(b"", [1]) == [] and cut(b"a", [5, 5]) == [b"a"]
