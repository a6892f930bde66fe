"""How one answer is written: framing, persistence, and what happens after its end."""

from __future__ import annotations

from edge.rig import Rig

from gwt.edge.request import Request
from gwt.errors import GatewayError

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def begun() -> tuple[Rig, Request]:
    rig = Rig(answer=None).send(GET)
    request = rig.channel.request
    assert request is not None
    return rig, request


def test_head_and_body_leave_in_one_write() -> None:
    rig, request = begun()
    writes: list[bytes] = []
    rig.wire.write = writes.append  # type: ignore[method-assign]
    request.respond(200, b"", b"Content-Length: 2\r\n", 2, b"hi", True)
    assert writes == [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"]


def test_chunks() -> None:
    rig, request = begun()
    request.respond(200, b"", b"", None, b"a", False)
    request.send(b"b")
    request.finish([b"X: y"])
    assert rig.wire.written.endswith(b"\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\nX: y\r\n\r\n")
    assert request.bytes_out == 2 and rig.finished == [request]


def test_an_error_in_the_middle_breaks_off() -> None:
    rig, request = begun()
    request.respond(200, b"", b"Content-Length: 9\r\n", 9, b"a", False)
    request.fail(GatewayError("timeout", "too late"))
    assert rig.settle().wire.aborted and request.code == "timeout"


def test_after_the_end_nothing_is_written() -> None:
    rig, request = begun()
    request.respond(200, b"", b"Content-Length: 0\r\n", 0, b"", True)
    written = rig.wire.written
    request.fail(GatewayError("timeout", "too late"))
    assert rig.wire.written == written


def test_after_the_client_has_gone_nothing_is_written() -> None:
    rig, request = begun()
    rig.vanish()
    request.respond(200, b"", b"Content-Length: 2\r\n", 2, b"hi", False)
    request.send(b"x")
    request.finish([])
    request.fail(GatewayError("timeout", "too late"))
    assert not rig.wire.written


def test_the_address_that_the_client_reached() -> None:
    one = Rig().send(GET)
    assert one.finished[0].server_addr == "127.0.0.1" and one.finished[0].scheme == b"http"
