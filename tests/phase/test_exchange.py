"""What conditions and policies ask of an exchange."""

from __future__ import annotations

from urllib.parse import quote_from_bytes, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwt.errors import GatewayError
from gwt.phase.exchange import Exchange
from gwt.wire.request import parse_request


def exchange(*lines: bytes, target: bytes = b"/") -> Exchange:
    found = Exchange(parse_request(b"\r\n".join((b"GET %b HTTP/1.1" % target, b"Host: H:80", *lines))))
    found.host = b"h"
    return found


def test_fields_arguments_and_cookies() -> None:
    found = exchange(b"A: 1", b"Cookie: a=b; c=d", b"cookie: a=z", target=b"/?x=1+2&y=%41&x=3&z")
    assert (found.method, found.header(b"host"), found.header(b"a"), found.header(b"b")) == (b"GET", b"h", b"1", None)
    assert [found.arg(name) for name in (b"x", b"y", b"z", b"n")] == [b"1 2", b"A", b"", None]
    assert [found.cookie(name) for name in (b"a", b"c", b"n")] == [b"b", b"d", None]


@given(st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=6)), max_size=6), st.binary(max_size=6))
def test_arguments_are_the_first_of_their_decoded_name(pairs: list[tuple[bytes, bytes]], missing: bytes) -> None:
    query = b"&".join((quote_from_bytes(name) + "=" + quote_plus(value)).encode() for name, value in pairs)
    found = exchange(target=b"/?" + query)
    first = dict(reversed(pairs))
    for name in {*first, missing} - {b""}:
        assert found.arg(name) == first.get(name)


def test_who_wants_grpc() -> None:
    for kind in (b"application/grpc", b"Application/gRPC+proto", b"application/grpc; x=y"):
        assert exchange(b"Content-Type: " + kind).wants_grpc
    for kind in (b"application/grpc-web", b"application/grpcx", b"x-application/grpc", b"text/plain"):
        assert not exchange(b"Content-Type: " + kind).wants_grpc
    assert not exchange().wants_grpc


def test_answers_are_the_business_of_subclasses() -> None:
    with pytest.raises(TypeError):
        exchange().fail(GatewayError("internal", "x"))
