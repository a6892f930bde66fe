"""The request's body read whole, replaced, bounded; on real exchanges without sockets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from edge.rig import Rig
from phase.plugins import Reads, recorder

from gwt.model.route import Access
from gwt.phase.plugin import Exchange, Reply

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
CODED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    Reads.found.clear()
    yield


def rig(put: str | None = None, **more: Any) -> Rig:
    return Rig(kinds=[Reads], plugins={"reads": {} if put is None else {"put": put}}, **more)


@pytest.mark.parametrize("pieces", [[POST + b"hello"], [POST, b"hel", b"lo"], [CODED, b"5\r\nhello\r\n0\r\n\r\n"]])
def test_it_is_read_whole_and_still_forwarded(pieces: list[bytes]) -> None:
    one = rig().send(*pieces)
    assert Reads.found == [b"hello"] and one.seen[0].body == b"hello" and one.statuses == [200]


def test_a_request_without_a_body_has_an_empty_one() -> None:
    one = rig().send(GET)
    assert Reads.found == [b""] and one.seen[0].body == b"" and one.seen[0].header(b"content-length") is None


@pytest.mark.parametrize("sent", [POST + b"hello", CODED + b"5\r\nhello\r\n0\r\n\r\n", GET])
def test_another_body_in_its_place(sent: bytes) -> None:
    one = rig("something else").send(sent)
    (seen,) = one.seen
    assert seen.body == b"something else" and seen.header(b"content-length") == b"14"
    assert seen.header(b"transfer-encoding") is None and one.statuses == [200] and not one.wire.ended
    one.send(GET)
    assert one.statuses == [200, 200]


@pytest.mark.parametrize("sent", [POST + b"hello", CODED + b"5\r\nhello\r\n0\r\n\r\n"])
def test_no_body_in_its_place(sent: bytes) -> None:
    (seen,) = rig("").send(sent).seen
    assert seen.body == b"" and seen.header(b"content-length") == b"0"


def test_a_large_body_is_read_past_the_mark_at_which_a_client_waits() -> None:
    one = rig().send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n", *[b"x" * 100_000] * 3)
    assert len(Reads.found[0]) == 300_000 and len(one.seen[0].body) == 300_000 and not one.wire.paused


@pytest.mark.parametrize("pieces", [[POST], [POST, b"hel"], [CODED, b"5\r\nhello\r\n"], [CODED + b"5\r\nhello\r\n"]])
def test_what_is_larger_than_max_body_is_not_read(pieces: list[bytes]) -> None:
    one = rig(access=Access(max_body=4)).send(*pieces)
    assert one.statuses == [413] and Reads.found == [] and one.seen == [] and one.raised == []


def test_a_client_that_expects_100_gets_it() -> None:
    head = POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    one = rig().send(head)
    assert [got.status for got in one.answers()] == [100]
    one.send(b"hello")
    assert [got.status for got in one.answers()] == [100, 200]
    assert one.seen[0].body == b"hello" and one.seen[0].header(b"expect") is None


def test_a_client_that_leaves_while_it_is_read() -> None:
    one = rig().send(POST, b"hel").vanish()
    assert Reads.found == [] and one.raised == [] and one.finished[0].code == "client_gone"


def test_reading_without_waiting_for_it_harms_nobody() -> None:
    careless = recorder("careless", 1, access=lambda ctx: ctx.request.read_body() and None)
    one = Rig(kinds=[careless], plugins={"careless": {}}).send(POST, b"hello")
    assert one.statuses == [200] and one.seen[0].body == b"hello"


def test_a_reply_to_what_was_read_leaves_the_connection_usable() -> None:
    async def judge(ctx: Exchange) -> Reply:
        return Reply(200, await ctx.request.read_body())

    one = Rig(kinds=[recorder("judge", 1, access=judge)], plugins={"judge": {}}).send(POST + b"hello" + POST, b"again")
    assert [got.body for got in one.answers()] == [b"hello", b"again"] and not one.wire.ended


def wrong(access: Any) -> str:
    one = Rig(kinds=[recorder("wrong", 1, access=access)], plugins={"wrong": {}}).send(POST + b"hello")
    assert one.statuses == [500]
    return str(one.raised[0][1])


def test_what_can_not_be_is_said() -> None:
    async def twice(ctx: Exchange) -> None:
        ctx.request.read_body()
        await ctx.request.read_body()

    def too_early(ctx: Exchange) -> None:
        ctx.request.replace_body(b"x")

    assert "await it once" in wrong(twice)
    assert "before you replace it" in wrong(too_early)
    late = recorder("late", 1, header_filter=lambda ctx: ctx.request.read_body())
    one = Rig(kinds=[late], plugins={"late": {}}, answer=None).send(GET)
    one.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab")
    assert one.statuses == [500] and "on its way" in str(one.raised[0][1])
