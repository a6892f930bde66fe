"""The head for HTTP/2 says what that for HTTP/1.1 says."""

from __future__ import annotations

import random
from typing import Any

import pytest
from edge.rig import Rig
from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.balance.endpoint import Endpoint, EndpointState
from gwt.model.route import EndpointSpec, Path, Service
from gwt.upstream.requestblock import request_block
from gwt.upstream.requesthead import request_head
from gwt.wire.forwarded import Ids
from gwt.wire.h2.hpack import Decoder
from gwt.wire.request import parse_request

ENDPOINT = Endpoint(EndpointSpec("10.0.0.1:8080"), EndpointState())


def exchange(head: bytes, **service: Any) -> Any:
    """As the channel has it when it is routed."""
    rig = Rig(answer=None, service=Service(name="s", port=80, paths=(Path("/"),), **service))
    rig.send(head)
    forward = rig.channel.request.reader  # type: ignore[union-attr]
    return forward._exchange, forward._leaf


def both(head: bytes, **service: Any) -> tuple[list[tuple[bytes, bytes]], Any]:
    asked, leaf = exchange(head, **service)
    block = request_block(asked, asked.path, leaf, ENDPOINT, Ids(random.Random(1).randbytes))
    lines = request_head(asked, asked.path, leaf, ENDPOINT, Ids(random.Random(1).randbytes))
    return list(Decoder(1 << 20).decode(block)), parse_request(lines[:-4])


@pytest.mark.parametrize("service", [{}, {"host": "upstream"}, {"host": "other.example"}])
def test_it_is_the_head_of_http11(service: Any) -> None:
    said = b"GET /a?b=c HTTP/1.1\r\nHost: x.example\r\nX-A: 1\r\nx-b: \t2 \r\nX-A: 3\r\nCookie: a=1\r\n\r\n"
    fields, plain = both(said, **service)
    pseudo = dict(fields[:4])
    assert pseudo[b":method"] == plain.method and pseudo[b":path"] == plain.target
    assert pseudo[b":authority"] == plain.host and pseudo[b":scheme"] == b"http"
    names = [(name, value) for name, value in fields[4:] if not name.startswith(b"x-forwarded")]
    assert names[:3] == [(b"x-a", b"1"), (b"x-b", b"2"), (b"x-a", b"3")]
    assert dict(names)[b"x-request-id"] == plain.request_id and dict(names)[b"traceparent"] == plain.traceparent


def test_what_is_rare() -> None:
    fields, _ = both(b"OPTIONS * HTTP/1.1\r\nHost: x.example\r\nTE: trailers\r\nConnection: TE\r\n\r\n")
    assert (b":path", b"*") in fields and fields[-1] == (b"te", b"trailers")
    said = b"PUT / HTTP/1.0\r\nHost: x.example\r\nContent-Length: 1\r\n\r\n"
    fields, _ = both(said)
    assert (b"via", b"1.0 gwt") in fields and (b"content-length", b"1") in fields


names = st.text("abcXYZ-_.0", min_size=1, max_size=20).map(lambda s: "Q" + s)
values = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=400)


@settings(deadline=None, max_examples=50)  # each compiles a route
@given(st.lists(st.tuples(names, values), max_size=20))
def test_every_field_arrives_in_its_order(fields: list[tuple[str, str]]) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    found, _ = both(f"GET / HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
    sent = [(name.lower().encode(), value.encode()) for name, value in fields]
    assert [field for field in found if field[0].startswith(b"q")] == sent
