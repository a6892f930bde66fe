"""Where an Address leads to; Sentinels are played by the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from redis_wire import Transport, words
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.error import ConnectError, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock

from gwt.redis.address import Address, read_address
from gwt.redis.endpoint import PATIENCE, MasterEndpoint, endpoint_of
from gwt.redis.question import Question


class Sentinel:
    """An endpoint behind which somebody gives one answer."""

    def __init__(self, reply: bytes | None) -> None:
        self.reply, self.asked = reply, 0
        self.transport = Transport()

    def connect(self, factory: Any) -> Deferred[Any]:
        self.asked += 1
        if self.reply is None:
            return fail(ConnectionRefusedError())
        question = factory.buildProtocol(None)
        assert isinstance(question, Question)
        question.makeConnection(self.transport)
        answer = self.reply

        def write(data: bytes) -> None:
            assert words(data) == [[b"SENTINEL", b"get-master-addr-by-name", b"main"]]
            if answer:
                question.dataReceived(answer)

        self.transport.write = write  # type: ignore[method-assign,assignment]
        return succeed(question)


class Master:
    """Connects at once."""

    def connect(self, factory: Any) -> Deferred[Any]:
        return succeed(factory)


FOUND, UNKNOWN, SILENT, REFUSED = b"*2\r\n$8\r\n10.0.0.1\r\n$4\r\n6380\r\n", b"*-1\r\n", b"", None


def connect(clock: Clock, *replies: bytes | None) -> tuple[Deferred[Any], list[Any], list[Sentinel]]:
    went: list[Any] = []

    def to(host: Any) -> Master:
        went.append(host)
        return Master()

    sentinels = [Sentinel(reply) for reply in replies]
    return MasterEndpoint(clock, sentinels, "main", to).connect("factory"), went, sentinels


def test_the_first_that_knows_tells() -> None:
    done, went, sentinels = connect(Clock(), REFUSED, UNKNOWN, FOUND, FOUND)
    assert done.result == "factory" and went == [("10.0.0.1", 6380)]
    assert [one.asked for one in sentinels] == [1, 1, 1, 0]
    assert sentinels[2].transport.aborted


def test_one_that_says_nothing_is_not_waited_for_long() -> None:
    clock = Clock()
    done, went, _ = connect(clock, SILENT, FOUND)
    assert went == []
    clock.advance(PATIENCE)
    assert done.result == "factory" and went == [("10.0.0.1", 6380)]


def test_nobody_knows() -> None:
    done, went, _ = connect(Clock(), REFUSED, UNKNOWN)
    told: list[Any] = []
    done.addErrback(told.append)
    assert told[0].check(ConnectError) and "no master main" in str(told[0].value) and went == []


def test_who_knew_is_asked_first_next_time() -> None:
    sentinels = [Sentinel(REFUSED), Sentinel(FOUND)]
    endpoint = MasterEndpoint(Clock(), sentinels, "main", lambda host: Master())
    endpoint.connect("a")
    endpoint.connect("b")
    assert [one.asked for one in sentinels] == [1, 2]


def test_kinds() -> None:
    reactor = MemoryReactorClock()
    assert isinstance(endpoint_of(read_address("redis+unix:///run/x.sock"), reactor), UNIXClientEndpoint)
    assert isinstance(endpoint_of(read_address("redis://a"), reactor), HostnameEndpoint)
    assert isinstance(endpoint_of(read_address("redis+sentinel://a/m"), reactor), MasterEndpoint)
    assert not isinstance(endpoint_of(read_address("rediss://a"), reactor), HostnameEndpoint)


def test_authorities_that_can_t_be_read(tmp_path: Path) -> None:
    address = Address((("a", 1),), tls=True, ca=str(tmp_path / "ca.pem"))
    with pytest.raises(OSError):
        endpoint_of(address, MemoryReactorClock())
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ValueError, match="no certificate"):
        endpoint_of(address, MemoryReactorClock())
