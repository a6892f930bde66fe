"""AuthPlugin and AnyOf: one of several is enough, none lets nobody in, a failure admits nobody."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from edge.rig import Rig
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import fail, succeed

from gwt.errors import GatewayError
from gwt.identity.claims import identity_of
from gwt.model.route import Access
from gwt.phase.auth import ADMITTED, AuthPlugin, refusal
from gwt.phase.plugin import Plugin

GET = b"GET / HTTP/1.1\r\nHost: a\r\nX-User-Id: mallory\r\n\r\n"
SAYS: dict[str, Any] = {
    "alice": lambda: identity_of({"sub": "alice"}),
    "soon": lambda: succeed(identity_of({"sub": "soon"})),
    "passes": lambda: ADMITTED,
    "refuses": lambda: refusal("One", "no"),
    "refuses soon": lambda: succeed(refusal("Two", "no")),
    "down": lambda: fail(GatewayError("identity", "down")),
    "raises": lambda: 1 // 0,
    "nothing": lambda: None,
}
ADMITTING = {"alice": b"alice", "soon": b"soon", "passes": None}


def auth(called: str, says: str) -> type[AuthPlugin]:
    body = {"name": called, "priority": 2500, "check": lambda self, ctx: SAYS[says]()}
    return dataclass(frozen=True)(type("Made", (AuthPlugin,), body))


def visited(*says: str, access: bool = True) -> Rig:
    names = [f"p{number}" for number in range(len(says))]
    kinds = [auth(name, one) for name, one in zip(names, says, strict=True)]
    listed = Access(auth_type=tuple(names)) if access else None
    return Rig(kinds=kinds, access=listed, plugins={} if access else {name: {} for name in names}).send(GET)


@pytest.mark.parametrize(("says", "status"), [("alice", 200), ("soon", 200), ("passes", 200), ("refuses", 401),
                                              ("refuses soon", 401), ("down", 503), ("raises", 500),
                                              ("nothing", 500)])  # fmt: skip
def test_alone_it_turns_away(says: str, status: int) -> None:
    visit = visited(says, access=False)
    assert visit.statuses == [status] and len(visit.seen) == (status == 200)


@given(st.lists(st.sampled_from(sorted(SAYS)), min_size=1, max_size=4))
def test_any_of_a_list_may_admit_and_nobody_else_does(says: list[str]) -> None:
    visit = visited(*says)
    winner = next((one for one in says if one in ADMITTING), None)
    if winner is None:
        assert visit.statuses[0] in (401, 500, 503) and visit.seen == []
    else:
        assert visit.statuses == [200] and visit.seen[0].header(b"x-user-id") == ADMITTING[winner]


def test_who_is_admitted_by_none_is_told_of_all() -> None:
    (answer,) = visited("refuses").answers()
    assert json.loads(answer.body)["code"] == "auth" and answer.headers[b"www-authenticate"] == b"One"


def test_what_is_no_auth_plugin_or_not_there_closes() -> None:
    for names in (("unheard-of",), ("other",)):
        body = {"name": "other", "access": lambda self, ctx: None}
        kind = dataclass(frozen=True)(type("Other", (Plugin,), body))
        assert Rig(kinds=[kind], access=Access(auth_type=names)).send(GET).statuses == [503]
