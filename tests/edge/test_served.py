"""One way to answer, over HTTP/1.1 and HTTP/2 alike: the first error counts, and after the end nothing is said."""

from __future__ import annotations

from typing import Any

import pytest
from edge.framed import Framed
from edge.rig import Rig

from gwt.edge.served import Served
from gwt.errors import GatewayError

HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"


def one() -> tuple[Rig, Served]:
    rig = Rig(answer=None).send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    return rig, rig.channel.request  # type: ignore[return-value]


def framed() -> tuple[Rig, Served]:
    client = Framed(answer=None)
    client.ask()
    (request,) = client.rig.channel.multiplex.requests.values()  # type: ignore[union-attr]
    return client.rig, request


@pytest.mark.parametrize("make", [one, framed])
def test_an_answer_that_fails_midway_says_its_first_error(make: Any) -> None:
    rig, exchange = make()
    exchange.respond(200, b"", b"Content-Length: 9\r\n", 9, b"a", False)
    exchange.fail(GatewayError("timeout", "too late"))
    exchange.fail(GatewayError("internal", "and more"))
    rig.settle()
    assert exchange.code == "timeout" and exchange.status == 200 and rig.finished == [exchange]


@pytest.mark.parametrize("make", [one, framed])
def test_after_the_end_nothing_is_written(make: Any) -> None:
    rig, exchange = make()
    exchange.respond(200, b"", b"Content-Length: 1\r\n", 1, b"a", True)
    written = rig.wire.written
    exchange.finish([])
    exchange.fail(GatewayError("internal", "too late"))
    assert rig.wire.written == written and rig.finished == [exchange]


@pytest.mark.parametrize("make", [one, framed])
def test_where_a_client_came_in(make: Any) -> None:
    assert make()[1].server_addr == "127.0.0.1" and make()[1].tls is None


def test_what_has_no_body_gets_none() -> None:
    rig = Rig(answer=None).send(HEAD)
    rig.channel.request.respond(200, b"", b"Content-Length: 3\r\n", 3, b"a", False)  # type: ignore[union-attr]
    rig.channel.request.send(b"bc")  # type: ignore[union-attr]
    rig.channel.request.finish([])  # type: ignore[union-attr]
    assert rig.answers(True)[0].body == b""
