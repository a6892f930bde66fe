from __future__ import annotations

from gwt.store.claims import Claims, Place


def place(source: str, number: int = 0) -> Place:
    return Place(source, number, 0, f"{source}#{number}")


def test_the_first_by_place_holds_in_whatever_order_they_come() -> None:
    for order in (("a", "b"), ("b", "a")):
        claims: Claims[str] = Claims()
        for source in order:
            claims.put("key", place(source), source)
        assert claims.holder("key") == "a"
        assert [claim.value for claim in claims.holders("key")] == ["a", "b"]


def test_the_next_one_holds_when_the_first_withdraws() -> None:
    claims: Claims[str] = Claims()
    claims.put("key", place("a", 1), "a1")
    claims.put("key", place("a", 0), "a0")
    claims.drop("key", place("a", 0))
    assert claims.holder("key") == "a1"
    claims.drop("key", place("a", 1))
    assert claims.holder("key") is None
    assert claims.holders("key") == []


def test_a_claim_from_the_same_place_replaces() -> None:
    claims: Claims[str] = Claims()
    claims.put("key", place("a"), "old")
    claims.put("key", place("a"), "new")
    assert [claim.value for claim in claims.holders("key")] == ["new"]


def test_withdrawing_what_was_never_claimed_is_nothing() -> None:
    claims: Claims[str] = Claims()
    claims.drop("key", place("a"))
    claims.put("key", place("a"), "a")
    claims.drop("key", place("b"))
    assert claims.holder("key") == "a"
