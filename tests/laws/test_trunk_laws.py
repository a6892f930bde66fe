"""Trunks: whatever happens in whatever order, every request ends exactly once, and nothing is left behind."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.error import ConnectionRefusedError
from upstream.fakes import Transport
from upstream.test_trunks import Asker, Scene

from gwt.upstream.trunks import MOST
from gwt.wire.h2 import frames, hpack
from gwt.wire.h2.faults import Code
from gwt.wire.h2.frames import HEAD

OK = hpack.encode([(b":status", b"200")])
FINAL = {"end", "connect_failed", "bad_answer", "timeout", "overloaded", "refused"}


def asked(transport: Transport) -> list[int]:
    """The streams that were begun on a connection."""
    data, found = transport.written[len(frames.PREFACE) :], []
    while len(data) >= 9:
        high, low, kind, _, number = HEAD.unpack_from(data)
        if kind == frames.HEADERS:
            found.append(number)
        data = data[9 + (high << 8 | low) :]
    return found


class TrunkMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene()
        self.askers: list[Asker] = []
        self.gone: set[int] = set()

    def some(self, draw: Any, of: list[Any]) -> Any:
        return of[draw.draw(st.integers(0, len(of) - 1))]

    def ended(self, asker: Asker) -> bool:
        return any(one in FINAL for one in asker.told)

    @property
    def standing(self) -> list[Transport]:
        return [one for one in self.scene.reactor.alive if not (one.aborted or one.losing)]

    @rule()
    def ask(self) -> None:
        self.askers.append(self.scene.ask())

    @precondition(lambda self: self.scene.reactor.connecting)
    @rule(draw=st.data(), streams=st.sampled_from([None, 0, 1, 2, 100]), settles=st.booleans())
    def stand(self, draw: Any, streams: int | None, settles: bool) -> None:
        transport = self.some(draw, self.scene.reactor.connecting).succeed()
        if settles:
            self.scene.settle(transport, streams)

    @precondition(lambda self: self.scene.reactor.connecting)
    @rule(draw=st.data())
    def fail(self, draw: Any) -> None:
        self.some(draw, self.scene.reactor.connecting).fail(ConnectionRefusedError())

    @precondition(lambda self: self.askers)
    @rule(draw=st.data())
    def leave(self, draw: Any) -> None:
        number = draw.draw(st.integers(0, len(self.askers) - 1))
        asker = self.askers[number]
        if self.ended(asker) or number in self.gone:
            return
        self.gone.add(number)
        if asker.call is not None:
            asker.call.cancel()
        else:
            asker.waiting.disconnect()

    @precondition(lambda self: self.standing)
    @rule(draw=st.data(), what=st.sampled_from(["head", "all", "end", "reset", "refuse", "garbage"]))
    def say(self, draw: Any, what: str) -> None:
        transport = self.some(draw, self.standing)
        streams = asked(transport)
        if not streams or not transport.protocol.ready:
            return
        number = self.some(draw, streams)
        said = {
            "head": frames.headers(number, OK, False, 16384),
            "all": frames.headers(number, OK, False, 16384) + frames.data_head(2, True, number) + b"hi",
            "end": frames.data_head(0, True, number),
            "reset": frames.reset(number, Code.INTERNAL_ERROR),
            "refuse": frames.reset(number, Code.REFUSED_STREAM),
            "garbage": b"HTTP/1.1 200 OK\r\n\r\n",
        }[what]
        transport.says(said)

    @precondition(lambda self: self.standing)
    @rule(draw=st.data(), last=st.sampled_from([0, 1, 3, frames.MOST_STREAM]))
    def goaway(self, draw: Any, last: int) -> None:
        transport = self.some(draw, self.standing)
        if transport.protocol.ready:
            transport.says(frames.goaway(last, 0))

    @precondition(lambda self: self.scene.reactor.alive)
    @rule(draw=st.data(), clean=st.booleans())
    def hang_up(self, draw: Any, clean: bool) -> None:
        self.some(draw, self.scene.reactor.alive).end(clean)

    @rule(seconds=st.sampled_from([0.0, 1.0, 6.0, 70.0]))
    def time(self, seconds: float) -> None:
        self.scene.pass_time(seconds)

    @rule()
    def retire(self) -> None:
        self.scene.pool.close_idle()

    @invariant()
    def books_are_right(self) -> None:
        scene = self.scene
        assert scene.pool.live == len(scene.reactor.alive) + len(scene.reactor.connecting)
        begun = [one for one in scene.reactor.alive if not one.protocol.ready]
        assert scene.pool._attempts == len(scene.reactor.connecting) + len(begun)
        assert scene.pool._attempts or not scene.pool._waiting or scene.pool.live >= MOST
        for number, asker in enumerate(self.askers):
            assert sum(one in FINAL for one in asker.told) <= 1
            if number in self.gone:
                assert not self.ended(asker)
        under_way = [call for one in scene.reactor.alive for call in one.protocol.calls.values()]
        pending = [one for number, one in enumerate(self.askers) if number not in self.gone and not self.ended(one)]
        assert {id(call.owner) for call in under_way if call.owner is not None} <= {id(one) for one in pending}
        for one in pending:  # somebody sees to each
            placed = one.call is not None and one.call in under_way
            assert placed or one.waiting in scene.pool._waiting

    def teardown(self) -> None:
        scene = self.scene
        while scene.reactor.connecting or scene.reactor.alive or scene.pool._waiting:
            for connector in list(scene.reactor.connecting):
                connector.fail(ConnectionRefusedError())
            for transport in scene.reactor.alive:
                transport.end()
            scene.pass_time(6.0)
        assert scene.pool.live == 0 and not scene.pool._trunks and not scene.pool._open
        for number, asker in enumerate(self.askers):
            assert number in self.gone or self.ended(asker)


TestTrunks = TrunkMachine.TestCase
TestTrunks.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
