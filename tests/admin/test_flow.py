"""gwt.admin.flow: parts are sent as they are made, no faster than they are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from gwt.admin.flow import BUDGET, SIZE, Flow


class Request:
    """What a Flow asks of a twisted.web request."""

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.written: list[bytes] = []
        self.producer: Any = None
        self.ended: Deferred[None] = Deferred()
        self.finished = self.lost = False

    def notifyFinish(self) -> Deferred[None]:
        return self.ended

    def setHeader(self, name: bytes, value: bytes) -> None:
        self.headers[name] = value

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def finish(self) -> None:
        assert self.producer is None
        self.finished = True

    def loseConnection(self) -> None:
        self.lost = True


class FlowTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock, self.request, self.time = Clock(), Request(), 0.0

    def flow(self, parts: Iterator[str]) -> Flow:
        flow = Flow(self.request, parts, self.clock, lambda: self.time)
        flow.start()
        return flow

    def slow(self, count: int) -> Iterator[str]:
        for number in range(count):
            self.time += BUDGET
            yield f"{number}\n"

    def test_a_short_answer_goes_at_once(self) -> None:
        self.flow(iter(["a", "", "é"]))
        assert self.request.written == ["aé".encode()]
        assert self.request.headers == {b"content-length": b"3"}
        assert self.request.finished

    def test_a_long_one_takes_a_turn_for_each_budget(self) -> None:
        self.flow(self.slow(3))
        assert self.request.written == [b"0\n"]
        for _ in range(3):
            self.clock.advance(0)
        assert b"".join(self.request.written) == b"0\n1\n2\n"
        assert self.request.finished
        assert b"content-length" not in self.request.headers

    def test_a_turn_is_bounded_in_size(self) -> None:
        self.flow("x" * 1000 for _ in range(1000))
        assert len(self.request.written[0]) <= SIZE + 1000

    def test_it_waits_for_a_slow_reader(self) -> None:
        flow = self.flow(self.slow(3))
        flow.pauseProducing()
        self.clock.advance(1)
        assert self.request.written == [b"0\n"]
        flow.resumeProducing()
        for _ in range(3):
            self.clock.advance(0)
        assert self.request.finished

    def test_a_client_that_leaves_ends_the_work(self) -> None:
        self.flow(self.slow(3))
        self.request.ended.errback(ConnectionError())
        assert not self.clock.getDelayedCalls()
        assert not self.request.finished

    def test_what_breaks_does_not_look_whole(self) -> None:
        def broken() -> Iterator[str]:
            yield from self.slow(1)
            raise KeyError("oh")

        self.flow(broken())
        self.clock.advance(0)
        assert self.request.lost
        assert not self.request.finished
        assert len(self.flushLoggedErrors(KeyError)) == 1
