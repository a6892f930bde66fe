"""Members: their phases, what counts as a promise, and report mode for each thing that a method may do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from gwt.errors import GatewayError
from gwt.phase.member import Member, as_deferred, reporting
from gwt.phase.reply import Reply
from gwt.phase.tools import Tools, no_zones

CTX = SimpleNamespace(route="r", request_id=b"id")


def test_phases_in_order_and_only_known_ones() -> None:
    member = Member("a", 1, {"log": print, "access": print})
    assert member.phases == ("access", "log")
    with pytest.raises(ValueError, match="acess"):
        Member("a", 1, {"acess": print})


def test_promises() -> None:
    async def coroutine() -> int:
        return 5

    there: list[Any] = []
    later = as_deferred(coroutine())
    assert later is not None
    later.addCallback(there.append)
    deferred: Deferred[Any] = Deferred()
    assert there == [5] and as_deferred(deferred) is deferred
    assert [as_deferred(said) for said in (None, Reply(200), 1, "x", [])] == [None] * 5


def raising(error: Exception) -> Any:
    def method(ctx: Any) -> None:
        raise error

    return method


REFUSALS = [
    lambda ctx: Reply(403), raising(GatewayError("denied", "")), lambda ctx: succeed(Reply(403)),
    lambda ctx: fail(GatewayError("denied", "")),
]  # fmt: skip
FAILURES = [raising(ValueError("x")), lambda ctx: fail(ValueError("x"))]
OTHERS = [lambda ctx: None, lambda ctx: succeed(None)]


@pytest.mark.parametrize("method", REFUSALS + FAILURES + OTHERS)
def test_report_mode_lets_everybody_go_on(method: Any) -> None:
    refused: list[Any] = []
    raised: list[Any] = []
    tools = Tools(raised=lambda *said: raised.append(said[:2]), would_reject=lambda *said: refused.append(said),
                  shared=no_zones)  # fmt: skip
    said = reporting("a", method, tools)(CTX)
    ends: list[Any] = []
    if said is not None:
        said.addBoth(ends.append)
    assert ends in ([], [None])
    assert refused == ([("a", "r")] if method in REFUSALS else [])
    assert raised == ([("a", "id")] if method in FAILURES else [])
