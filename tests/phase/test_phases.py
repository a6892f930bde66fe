"""What plugins wait for: bodies that come meanwhile, clients that leave, deadlines; coroutines; notes; debugging."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from edge.rig import Rig
from phase.plugins import Base, Coroutine, Deny, Later, recorder
from twisted.internet.defer import Deferred, succeed
from twisted.web.resource import Resource

from gwt.model.route import Access, Path, Service, Timeout
from gwt.phase.plugin import Exchange, Reply

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    for kept in (Base.calls, Later.waiting, Coroutine.waiting):
        kept.clear()
    yield


def rig(*kinds: Any, confs: Any = None, **more: Any) -> Rig:
    return Rig(kinds=kinds, plugins={kind.name: (confs or {}).get(kind.name, {}) for kind in kinds}, **more)


@pytest.mark.parametrize("phase", ["rewrite", "access"])
def test_a_request_waits_and_goes_on(phase: str) -> None:
    one = rig(Later, recorder("next", 1, "rewrite", "access"), confs={"later": {"phase": phase}}).send(GET)
    assert one.statuses == [] and one.seen == []
    assert Base.calls == (["next#rewrite"] if phase == "access" else [])
    Later.waiting.pop().callback(None)
    one.settle()
    assert one.statuses == [200] and Base.calls == ["next#rewrite", "next#access"]


def test_several_that_wait_do_so_one_after_the_other() -> None:
    one = rig(Later, Coroutine).send(GET)
    assert (len(Later.waiting), len(Coroutine.waiting)) == (1, 0)
    Later.waiting.pop().callback(None)
    Coroutine.waiting.pop().callback("long")
    one.settle()
    assert one.statuses == [200] and one.seen[0].header(b"x-waited") == b"long"


@pytest.mark.parametrize("kind", [Later, Coroutine])
def test_a_reply_may_come_late(kind: Any) -> None:
    one = rig(kind).send(GET)
    kind.waiting.pop().callback(Reply(418, "tea"))
    assert [(got.status, got.body) for got in one.answers()] == [(418, b"tea")] and one.seen == []


def test_what_is_there_already_keeps_nobody_waiting() -> None:
    deferred = recorder("fired", 9, access=lambda ctx: succeed(None))
    one = rig(Coroutine, deferred, confs={"coroutine": {"at_once": True}}).send(GET)
    assert one.statuses == [200]


def test_a_reply_that_promises_another() -> None:
    nested = recorder("nested", 9, access=lambda ctx: Later("access").access(ctx))
    one = rig(nested).send(GET)
    later: Deferred[Any] = Deferred()
    Later.waiting.pop().callback(later)
    later.callback(Reply(204))
    assert one.statuses == [204]


def test_a_body_that_comes_meanwhile_is_kept() -> None:
    one = rig(Later).send(POST, b"he", b"llo")
    assert one.seen == []
    Later.waiting.pop().callback(None)
    one.settle().send(GET)
    Later.waiting.pop().callback(None)
    one.settle()
    assert [seen.body for seen in one.seen] == [b"hello", b""]
    assert one.statuses == [200, 200] and not one.wire.ended


def test_a_body_that_goes_on_afterwards_is_whole() -> None:
    one = rig(Later).send(POST, b"he")
    Later.waiting.pop().callback(None)
    one.settle().send(b"llo")
    assert one.seen[0].body == b"hello" and one.statuses == [200]


def test_chunks_and_trailers_as_well() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    one = rig(Later).send(head + b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\nX-Sum: 5\r\n\r\n")
    Later.waiting.pop().callback(None)
    one.settle()
    assert one.seen[0].body == b"abcde" and one.seen[0].trailers == [(b"x-sum", b"5")]


def test_a_client_that_sends_much_has_to_wait() -> None:
    size = 300_000
    one = rig(Later).send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
    for _ in range(3):
        one.send(b"x" * 50_000)
    assert one.wire.paused
    Later.waiting.pop().callback(None)
    one.settle()
    assert not one.wire.paused
    for _ in range(3):
        one.send(b"x" * 50_000)
    assert len(one.seen[0].body) == size


def test_a_body_that_is_too_large_is_refused_once_it_is_looked_at() -> None:
    one = rig(Later, access=Access(max_body=4)).send(POST, b"hello")
    Later.waiting.pop().callback(None)
    assert one.settle().statuses == [413]


def test_a_client_that_leaves_ends_the_wait() -> None:
    one = rig(Later, recorder("log", 999, "log")).send(GET)
    one.vanish()
    assert Later.waiting[0].called and one.raised == []
    assert [(exchange.status, exchange.code) for exchange in one.finished] == [(499, "client_gone")]
    assert Base.calls == ["log#log"] and one.seen == []


def test_nobody_waits_longer_than_the_timeout() -> None:
    one = rig(Later, recorder("above", 999, "header_filter"), access=Access(timeout=Timeout(1, 2, 2))).send(POST, b"h")
    one.pass_time(1.5)
    assert one.statuses == []
    one.pass_time(1)
    assert one.statuses == [504] and Base.calls == ["above#header_filter"]
    assert len(one.ticker) == 0 and one.raised == []


def test_the_ticker_is_left_when_the_wait_is_over() -> None:
    one = rig(Later).send(GET)
    assert len(one.ticker) == 1
    Later.waiting.pop().callback(Reply(200))
    assert len(one.ticker) == 0


class Echo(Resource):
    isLeaf = True

    def render_POST(self, request: Any) -> bytes:
        return request.content.read()


def test_a_mounted_resource_gets_the_body_too() -> None:
    service = Service(resource="echo", paths=(Path("/"),))
    one = rig(Later, resources={"echo": Echo()}, service=service).send(POST, b"hello")
    Later.waiting.pop().callback(None)
    assert one.settle().answers()[0].body == b"hello"


def test_notes_last_from_phase_to_phase_and_no_longer() -> None:
    def write(ctx: Exchange) -> None:
        assert "noted" not in ctx.notes
        ctx.notes["noted"] = ctx.path

    found: list[Any] = []
    noting = recorder("notes", 1, access=write, log=lambda ctx: found.append(ctx.notes["noted"]))
    rig(noting).send(GET + GET.replace(b"/ ", b"/b "))
    assert found == [b"/", b"/b"]


def test_a_log_that_takes_time_still_has_its_notes() -> None:
    found: list[Any] = []

    async def log(ctx: Exchange) -> None:
        await Later("log").access(ctx)
        found.append((ctx.notes["a"], ctx.status))

    rig(recorder("logs", 1, access=lambda ctx: ctx.notes.update(a=1), log=log)).send(GET)
    Later.waiting.pop().callback(None)
    assert found == [(1, 200)]


DEBUG = b"GET /x HTTP/1.1\r\nHost: a\r\nGwt-Debug: letmein\r\n\r\n"


def test_who_has_the_debug_token_is_told_what_ran() -> None:
    kinds = [recorder("one", 9, "access", "log"), recorder("two", 5, "header_filter", "body_filter")]
    one = rig(*kinds, debug=lambda said: said == b"letmein").send(DEBUG)
    (got,) = one.answers()
    assert got.headers[b"gwt-plugins"] == b"one#access, two#header_filter, two#body_filter, one#log"
    assert got.headers[b"gwt-route"] == b"r/s//"
    assert one.seen[0].header(b"gwt-debug") is None


def test_a_route_without_plugins_tells_as_well() -> None:
    one = rig(debug=lambda said: True).send(DEBUG)
    assert (one.answers()[0].headers[b"gwt-plugins"], one.answers()[0].body) == (b"", b"ok")


def test_what_was_stopped_tells_only_what_ran() -> None:
    one = rig(Deny, recorder("below", 1, "access", "log"), debug=lambda said: True).send(DEBUG)
    assert one.answers()[0].headers[b"gwt-plugins"] == b"deny#access"


@pytest.mark.parametrize("sent", [b"Gwt-Debug: wrong\r\n", b"Gwt-Debug: letmein\r\nGwt-Debug: letmein\r\n", b""])
def test_others_are_told_nothing(sent: bytes) -> None:
    one = rig(Deny, debug=lambda said: said == b"letmein").send(b"GET / HTTP/1.1\r\nHost: a\r\n" + sent + b"\r\n")
    assert not any(name.startswith(b"gwt-") for name in one.answers()[0].headers)


def test_errors_before_there_is_a_leaf_can_be_debugged() -> None:
    one = rig(hosts=["b"], debug=lambda said: True).send(DEBUG)
    assert one.statuses == [404] and one.answers()[0].headers[b"gwt-route"] == b"-"
