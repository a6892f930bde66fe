"""gwt.identities: either mode behind one door; one question a cookie, answers at once where nothing has to be asked."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import pytest
from identity.issuer import CLAIMS, KEY, NOW, sealed
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.python.failure import Failure

from gwt import identities as module
from gwt.errors import GatewayError
from gwt.identities import Exchanged, identities_of
from gwt.identity.cookie import SessionCookie
from gwt.identity.identity import Identity
from gwt.identity.sealed import Sealed
from gwt.model.options import Exchange
from gwt.model.options import Identity as IdentitySettings
from gwt.model.secret import Secret

ALICE, BOB = b"session=a1", b"theme=dark; session=b1"


class Stage:
    """Exchanged with a clock to turn and a user system that answers when it is told to."""

    def __init__(self, ttl: float = 30.0, grace: float = 60.0) -> None:
        self.now = 1000.0
        self.asked: list[tuple[bytes, Deferred[Any]]] = []
        self.identities = Exchanged(
            SessionCookie("session"), self._ask, ttl, grace, lambda: self.now, lambda: NOW + self.now
        )

    def _ask(self, cookie: bytes) -> Deferred[Mapping[str, Any] | None]:
        self.asked.append((cookie, Deferred()))
        return self.asked[-1][1]

    def of(self, field: bytes | None) -> Any:
        return self.identities.of(field)

    def says(self, *claims: Mapping[str, Any] | None) -> None:
        """Answer what was asked, in order."""
        for one in claims:
            self.asked.pop(0)[1].callback(one)

    def fails(self) -> None:
        self.asked.pop(0)[1].errback(RuntimeError("connection refused"))


def result(found: Any) -> Any:
    """What a Deferred fired with: a name, None, or the code of a GatewayError."""
    assert isinstance(found, Deferred)
    results: list[Any] = []
    found.addBoth(results.append)
    assert len(results) == 1, "it has not fired"
    (one,) = results
    if isinstance(one, Failure):
        one.trap(GatewayError)
        return one.value.code  # type: ignore[attr-defined]
    return None if one is None else one.sub


def test_sealed_is_what_settings_say_by_default() -> None:
    keys = (Secret(b64encode(KEY).decode(), "${env:KEY}"),)
    found = identities_of(IdentitySettings(keys=keys), lambda cookie: succeed(None))
    assert isinstance(found, Sealed) and found.cookie.name == b"session"
    identity = found.of(b"session=" + sealed())
    assert isinstance(identity, Identity) and identity.sub == CLAIMS["sub"]


def test_exchange_is_what_settings_say() -> None:
    settings = IdentitySettings(cookie="sid", mode="exchange", exchange=Exchange("http://u/"))
    found = identities_of(settings, lambda cookie: succeed({"sub": cookie.decode()}))
    assert isinstance(found, Exchanged)
    assert result(found.of(b"sid=x; session=y")) == "x"


@pytest.mark.parametrize("field", [None, b"", b"a=1", b"session=", b"session=a; session=a", b"session=a b"])
def test_without_one_cookie_nobody_is_asked(field: bytes | None) -> None:
    stage = Stage()
    assert stage.of(field) is None and stage.asked == []


def test_an_answer_is_held_and_given_at_once() -> None:
    stage = Stage()
    first = stage.of(ALICE)
    assert [cookie for cookie, _ in stage.asked] == [b"a1"]
    stage.says({"sub": "alice"})
    assert result(first) == "alice"
    for field in (ALICE, b"x=1; " + ALICE, ALICE):
        found = stage.of(field)
        assert isinstance(found, Identity) and found.sub == "alice"
    stage.now += 29.9
    assert isinstance(stage.of(ALICE), Identity) and stage.asked == []
    stage.now += 0.1
    assert isinstance(stage.of(ALICE), Deferred)


def test_one_question_a_cookie() -> None:
    stage = Stage()
    waiting = [stage.of(ALICE), stage.of(b"x=1; " + ALICE), stage.of(BOB), stage.of(ALICE)]
    assert [cookie for cookie, _ in stage.asked] == [b"a1", b"b1"]
    stage.says({"sub": "alice"}, None)
    assert [result(one) for one in waiting] == ["alice", "alice", None, "alice"]


def test_who_leaves_takes_nobody_along() -> None:
    stage = Stage()
    gone, stays = stage.of(ALICE), stage.of(ALICE)
    gone.cancel()
    errors: list[Failure] = []
    gone.addErrback(errors.append)
    stage.says({"sub": "alice"})
    assert result(stays) == "alice" and errors[0].check(CancelledError)
    assert stage.of(ALICE).sub == "alice"


def test_not_known_is_held_for_two_seconds() -> None:
    stage = Stage()
    first = stage.of(ALICE)
    stage.says(None)
    assert result(first) is None
    stage.now += 1.9
    assert stage.of(ALICE) is None and stage.asked == []
    stage.now += 0.1
    again = stage.of(ALICE)
    stage.says({"sub": "alice"})
    assert result(again) == "alice" and stage.of(ALICE).sub == "alice"


def test_a_session_that_ends_is_not_known_any_more() -> None:
    stage = Stage()
    stage.of(ALICE), stage.says({"sub": "alice"})
    stage.now += 30
    again = stage.of(ALICE)
    stage.says(None)
    assert result(again) is None and stage.of(ALICE) is None
    stage.now += 2
    later = stage.of(ALICE)
    stage.fails()
    assert result(later) == "identity"


def test_the_last_answer_stands_in_for_a_while() -> None:
    stage = Stage()
    stage.of(ALICE), stage.says({"sub": "alice"})
    stage.now += 30
    again = stage.of(ALICE)
    stage.fails()
    assert result(again) == "alice"
    assert stage.of(ALICE).sub == "alice" and stage.asked == []
    stage.now += 59.9
    late = stage.of(ALICE)
    stage.fails()
    assert result(late) == "alice"
    stage.now += 0.1
    too_late = stage.of(ALICE)
    stage.fails()
    assert result(too_late) == "identity"
    back = stage.of(ALICE)
    stage.says({"sub": "alice"})
    assert result(back) == "alice"


@pytest.mark.parametrize("claims", [{}, {"sub": ""}, {"sub": "a", "exp": "x"}])
def test_claims_of_no_use_are_a_failure(claims: dict[str, Any]) -> None:
    stage = Stage()
    asked = stage.of(ALICE)
    stage.says(claims)
    assert result(asked) == "identity"


def test_exp_ends_what_is_held() -> None:
    stage = Stage()
    stage.of(ALICE), stage.says({"sub": "alice", "exp": NOW + 1010})
    stage.now += 9.9
    assert stage.of(ALICE).sub == "alice"
    stage.now += 0.1
    asked = stage.of(ALICE)
    stage.fails()
    assert result(asked) == "identity"


def test_questions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_QUESTIONS", 3)
    stage = Stage()
    waiting = [stage.of(b"session=%d" % number) for number in range(4)]
    assert len(stage.asked) == 3 and result(waiting[3]) == "identity"
    stage.says(*[{"sub": "u"}] * 3)
    assert [result(one) for one in waiting[:3]] == ["u"] * 3
    stage.of(b"session=3")
    assert len(stage.asked) == 1


def test_a_flood_of_unknown_cookies_drives_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFUSALS", (200, 1 << 20))
    stage = Stage()
    stage.of(ALICE), stage.says({"sub": "alice"})
    for number in range(2000):
        stage.of(b"session=f%d" % number)
        stage.says(None)
    assert len(stage.identities._unknown) <= 200
    assert stage.of(ALICE).sub == "alice" and stage.of(b"y=2; " + ALICE).sub == "alice"


def test_without_ttl_every_request_asks() -> None:
    stage = Stage(ttl=0.0, grace=0.0)
    for _ in range(2):
        asked = stage.of(ALICE)
        stage.says({"sub": "alice"})
        assert result(asked) == "alice"
