"""Edits: what becomes of an answer's head without anybody being asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from edge.rig import Rig
from hypothesis import given
from hypothesis import strategies as st
from phase.plugins import Base, Deny, Fails, recorder

from gwt.errors import GatewayError
from gwt.phase.edit import Edit, merged
from gwt.phase.exchange import Exchange
from gwt.phase.plugin import Plugin
from gwt.wire.request import RequestHead

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
NAMES = st.sampled_from(["A", "a", "B", "C", "X-Rid"])
PAIRS = st.lists(st.tuples(NAMES, st.sampled_from(["1", "2", ""])), max_size=3)
EDITS = st.builds(
    Edit.of, st.lists(NAMES, max_size=2), PAIRS, PAIRS, st.lists(st.sampled_from(["X-Rid", "B"]), max_size=1)
)
FIELDS = st.lists(st.sampled_from([b"A: 0\r\n", b"a:0\r\n", b"b: A: 1\r\n", b"D: 0\r\n", b"Aa: 0\r\n"]), max_size=5)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    Base.calls.clear()
    yield


def exchange() -> Exchange:
    made = Exchange(RequestHead())
    made.request_id = b"r1"
    return made


def test_remove_then_put_then_add_then_nothing_else() -> None:
    fields = b"Server: x\r\nA: 1\r\nB: 1\r\n"
    one = Edit.of(["server"], {"A": "2", "a": "3"}.items(), [("B", "2"), ("B", "3")], ["X-Id"])
    assert one.changed(exchange(), fields) == b"B: 1\r\na: 3\r\nX-Id: r1\r\nB: 2\r\nB: 3\r\n"
    assert Edit.of().changed(exchange(), fields) == fields


@pytest.mark.parametrize(
    "said", [{"remove": ["a b"]}, {"put": [("Host", "a")]}, {"ids": ["Connection"]}, {"add": [("a", "b\r\nc: d")]}]
)
def test_what_could_end_a_line_or_frames_a_message_is_refused(said: Any) -> None:
    with pytest.raises((ValueError, GatewayError)):
        Edit.of(**said)


@given(st.lists(EDITS, max_size=4), FIELDS)
def test_one_that_is_merged_does_what_all_do_in_turn(edits: list[Edit], fields: list[bytes]) -> None:
    one, told = exchange(), b"".join(fields)
    whole = merged(edits).changed(one, told)
    for each in edits:
        told = each.changed(one, told)
    assert whole == told


@dataclass(frozen=True)
class Fixed(Plugin):
    """The same for every answer."""

    name = "fixed"
    priority = 600

    def edit(self) -> Edit:
        return Edit.of(["Server"], {"X-By": "fixed"}.items(), ids=["X-Id"])


@dataclass(frozen=True)
class Other(Plugin):
    """Another one, nearer to the upstream."""

    name = "other"
    priority = 100

    def edit(self) -> Edit:
        return Edit.of(put={"X-By": "other", "X-Other": "1"}.items())


def told(got: Any) -> dict[bytes, bytes]:
    return {name: got.headers.get(name) for name in (b"x-by", b"x-other", b"server")}


def test_answers_are_changed_and_nothing_is_kept_for_it() -> None:
    rig = Rig(kinds=[Fixed, Other], plugins={"fixed": {}, "other": {}}).send(GET * 2)
    for got, done in zip(rig.answers(), rig.finished, strict=True):
        assert told(got) == {b"x-by": b"fixed", b"x-other": b"1", b"server": None}
        assert got.headers[b"x-id"] == done.request_id and done.phases is None


def test_so_are_errors_that_come_after_the_chain() -> None:
    rig = Rig(kinds=[Fixed], plugins={"fixed": {}}, answer=None).send(GET)
    rig.reply(b"nonsense\r\n\r\n")
    (got,) = rig.answers()
    assert got.status == 502 and got.headers[b"x-by"] == b"fixed"


def test_where_somebody_must_be_asked_all_come_in_their_order() -> None:
    seen: list[bytes | None] = []
    watch = recorder("watch", 300, header_filter=lambda ctx: seen.append(ctx.answer.header("x-by")))
    rig = Rig(kinds=[Fixed, Other, watch], plugins={"fixed": {}, "other": {}, "watch": {}}).send(GET)
    assert seen == [b"other"] and rig.answers()[0].headers[b"x-by"] == b"fixed"


def test_only_those_whose_turn_had_come_change_a_refusal() -> None:
    rig = Rig(kinds=[Fixed, Other, Deny], plugins={"fixed": {}, "other": {}, "deny": {}}).send(GET)
    (got,) = rig.answers()
    assert got.status == 403 and told(got)[b"x-by"] == b"fixed" and told(got)[b"x-other"] is None


def test_they_stay_in_report_mode_and_beside_a_plugin_that_failed() -> None:
    plugins = {"fixed": {"_meta": {"mode": "report"}}, "fails": {}}
    rig = Rig(kinds=[Fixed, Fails], plugins=plugins).send(GET * 3)
    assert [got.headers[b"x-by"] for got in rig.answers()] == [b"fixed"] * 3


def test_who_debugs_sees_them() -> None:
    rig = Rig(kinds=[Fixed], plugins={"fixed": {}}, debug=lambda said: True)
    (got,) = rig.send(b"GET / HTTP/1.1\r\nHost: a\r\nGwt-Debug: x\r\n\r\n").answers()
    assert got.headers[b"x-by"] == b"fixed" and b"fixed#header_filter" in got.headers[b"gwt-plugins"]
