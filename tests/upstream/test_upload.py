"""A request's body: passed on, held for another try, and the client stopped exactly while nobody takes it."""

from __future__ import annotations

from typing import Any

from gwt.phase.exchange import Exchange
from gwt.upstream.upload import Upload
from gwt.wire.request import RequestHead


class Asked(Exchange):
    def __init__(self, chunked: bool = False) -> None:
        self.head = RequestHead()
        self.head.chunked = chunked
        self.paces: list[str] = []

    def pause_body(self) -> None:
        self.paces.append("stop")

    def resume_body(self) -> None:
        self.paces.append("go")


class Wire:
    """A connection and its transport in one."""

    def __init__(self) -> None:
        self.transport: Any = self
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data


def test_it_is_passed_on_and_held_up_to_the_limit() -> None:
    exchange, wire = Asked(), Wire()
    upload = Upload(exchange, 5)
    upload.take(b"abc", wire)  # type: ignore[arg-type]
    assert upload.repeatable and upload.again() == b"abc"
    upload.take(b"def", wire)  # type: ignore[arg-type]
    assert not upload.repeatable and wire.written == b"abcdef" and exchange.paces == []


def test_without_a_connection_the_client_is_stopped_at_the_limit() -> None:
    exchange = Asked()
    upload = Upload(exchange, 5)
    upload.take(b"abc", None)
    upload.take(b"def", None)
    assert exchange.paces == ["stop"] and upload.repeatable
    assert upload.again() == b"abcdef"
    assert exchange.paces == ["stop", "go"] and not upload.repeatable


def test_a_full_endpoint_stops_the_client_whatever_is_held() -> None:
    exchange, wire = Asked(), Wire()
    upload = Upload(exchange, 5)
    upload.stop()
    upload.take(b"abcdef", wire)  # type: ignore[arg-type]
    assert exchange.paces == ["stop"], "passing the limit must not let the client go on"
    upload.go_on()
    assert exchange.paces == ["stop", "go"]


def test_chunks_are_encoded_anew_and_end_with_the_trailers() -> None:
    exchange, wire = Asked(chunked=True), Wire()
    upload = Upload(exchange, 100)
    upload.take(b"abc", wire)  # type: ignore[arg-type]
    upload.end([b"X: y"], wire)  # type: ignore[arg-type]
    assert wire.written == b"3\r\nabc\r\n0\r\nX: y\r\n\r\n" == upload.again() and upload.complete


def test_settled_means_never_again() -> None:
    upload = Upload(Asked(), 100)
    upload.take(b"abc", None)
    upload.settle()
    upload.take(b"def", None)
    assert not upload.repeatable and upload.again() == b""
