"""fault-injection: which requests it means, and what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest
from edge.rig import Got, Rig
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from gwt.phase.plugintype import Misfit, PluginType
from gwt.plugins.fault_injection import FaultInjection


def rig(target: str = "/", **conf: Any) -> tuple[Rig, Clock]:
    reactor = Clock()
    one = Rig(kinds=[FaultInjection], plugins={"fault-injection": conf}, reactor=reactor)
    return one.send(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()), reactor


def ask(target: str = "/", **conf: Any) -> Got:
    return rig(target, **conf)[0].answers()[0]


def test_it_answers_in_the_place_of_the_upstream() -> None:
    got = ask("/?x=1", abort={"http_status": 503, "body": "broken $arg_x", "headers": {"X-A": "$remote_addr"}})
    assert (got.status, got.body, got.headers[b"x-a"]) == (503, b"broken 1", b"192.0.2.7")


def test_it_lets_wait_and_then_go_on_or_fail() -> None:
    for abort, status in (({}, 200), ({"abort": {"http_status": 500}}, 500)):
        one, reactor = rig(delay={"duration": "1500ms"}, **abort)
        reactor.advance(1.4)
        assert one.settle().wire.written == b""
        reactor.advance(0.1)
        assert one.settle().statuses == [status]


def test_a_client_that_leaves_waits_no_more() -> None:
    one, reactor = rig(delay={"duration": 5}, abort={"http_status": 500})
    one.vanish()
    assert not reactor.getDelayedCalls() and not one.raised


def test_any_list_of_conditions_all_of_which_hold() -> None:
    both = [[["arg_name", "==", "jack"], ["arg_age", ">", 18]], [["http_x_fail", "==", "1"]]]
    abort = {"http_status": 403, "vars": both}
    assert ask("/?name=jack&age=20", abort=abort).status == 403
    assert ask("/?name=jack&age=3", abort=abort).status == 200
    assert ask("/?name=jim", abort=abort).status == 200


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 100))
def test_so_many_of_a_hundred(percentage: int) -> None:
    plugin: Any = PluginType(FaultInjection).make({"abort": {"http_status": 500, "percentage": percentage}})

    class Ctx:
        class tools:
            random: Any

    hits = 0
    for number in range(100):
        Ctx.tools.random = lambda n, number=number: int((number + 0.5) / 100 * 2 ** (8 * n)).to_bytes(n)
        hits += plugin._means("abort", plugin.abort, Ctx)
    assert hits == percentage


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        ({}, "abort, delay or both"),
        ({"abort": {}}, "http_status"),
        ({"abort": {"http_status": 99}}, "http_status"),
        ({"abort": {"http_status": 500, "vars": [["arg_x", "==", "1"]]}}, "vars"),
        ({"abort": {"http_status": 500, "vars": [[["nope", "==", "1"]]]}}, "no variable"),
        ({"abort": {"http_status": 500, "headers": {"Content-Length": "1"}}}, "gateway alone"),
        ({"abort": {"http_status": 500, "body": "$nope"}}, "no variable"),
        ({"delay": {"duration": -1}}, "duration"),
        ({"delay": {"duration": 1, "percentage": 101}}, "percentage"),
    ],
)
def test_what_it_does_not_take(conf: Any, said: str) -> None:
    with pytest.raises(Misfit, match=said):
        PluginType(FaultInjection).make(conf)
