"""gwt.identity.held: what each answer of the user system means, and for how long."""

from __future__ import annotations

import pytest

from gwt.identity.claims import BadClaims
from gwt.identity.held import PATIENCE, UNKNOWN_FOR, Held, failed, known, unknown

WALL = 1_800_000_000.0


def alice(now: float = 100.0, ttl: float = 30.0, grace: float = 60.0, **more: object) -> Held:
    return known({"sub": "alice", **more}, now, WALL, ttl, grace)


def test_a_known_session_is_held_for_ttl() -> None:
    found = alice()
    assert found.identity is not None and found.identity.sub == "alice"
    assert found.answers(129.9) and not found.answers(130.0)
    assert found.identity.until == found.fresh == 130.0


def test_it_is_held_no_longer_than_exp_and_stands_in_no_longer_either() -> None:
    found = alice(exp=WALL + 10)
    assert (found.fresh, found.stale) == (110.0, 110.0)
    found = alice(exp=WALL + 50)
    assert (found.fresh, found.stale) == (130.0, 150.0)
    assert failed(found, 149.9) is not None and failed(found, 150.0) is None


@pytest.mark.parametrize("exp", [WALL, WALL - 1, 0])
def test_claims_that_are_over_are_not_known(exp: float) -> None:
    assert alice(exp=exp) == unknown(100.0)


@pytest.mark.parametrize("claims", [{}, {"sub": 5}, {"sub": "a", "exp": "soon"}])
def test_claims_that_are_none_are_no_answer(claims: dict[str, object]) -> None:
    with pytest.raises(BadClaims):
        known(claims, 100.0, WALL, 30.0, 60.0)


def test_not_known_is_believed_for_two_seconds() -> None:
    found = unknown(100.0)
    assert found.identity is None and UNKNOWN_FOR == 2.0
    assert found.answers(101.9) and not found.answers(102.0)


def test_it_stands_in_for_grace_and_is_not_asked_for_at_every_request() -> None:
    found = failed(alice(), 131.0)
    assert found is not None and found.identity is not None
    assert found.answers(131.0 + PATIENCE - 0.1) and not found.answers(131.0 + PATIENCE)
    late = failed(found, 189.9)
    assert late is not None and late.answers(189.99) and not late.answers(190.0)
    assert failed(late, 190.0) is None


@pytest.mark.parametrize("held", [None, unknown(100.0)])
def test_nothing_stands_in_for_who_was_not_known(held: Held | None) -> None:
    assert failed(held, 100.5) is None


def test_without_ttl_or_grace() -> None:
    found = alice(ttl=0.0, grace=0.0)
    assert not found.answers(100.0) and failed(found, 100.0) is None
    assert failed(alice(ttl=0.0, grace=5.0), 104.0) is not None
