"""gwt.identity.claims: what is read, what is refused, and what becomes of it."""

from __future__ import annotations

import math

import pytest

from gwt.identity.claims import BadClaims, expiry, identity_of, read_claims, sealed_identity, subject

NOW = 1_800_000_000.0


def test_an_object_is_read() -> None:
    assert read_claims(b' {"sub": "a", "n": [1, 2.5, true, null, {"x": "\\u00e4"}]} ') == {
        "sub": "a",
        "n": [1, 2.5, True, None, {"x": "\u00e4"}],
    }


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"null", b"[]", b'"x"', b"5", b"{", b'{"a":1}x', b"{'a':1}", b'{"a":NaN}', b'{"a":Infinity}',
        b'{"a":-Infinity}', b'{"a":1e999}', b'{"a":1,"a":1}', b'{"b":{"a":1,"a":2}}', b'{"b":[{"a":1,"\\u0061":2}]}',
        b'\xff{"a":1}', b'\xef\xbb\xbf{"a":1}', b'{"a":"\xed\xa0\x80"}', b"[" * 5000, b'{"a":' * 5000,
        b'{"a":' + b"9" * 5000 + b"}", "{\"a\":1}".encode("utf-16"),
    ],
)  # fmt: skip
def test_nothing_else_is(raw: bytes) -> None:
    with pytest.raises(BadClaims):
        read_claims(raw)


@pytest.mark.parametrize(
    "sub",
    [None, 5, True, [], {}, "", " ", "a b", "a\n", "\u00e4", "a\x7f", "a" * 257, "\ud800", "x\r\nX-User-Id: root"],
)
def test_what_can_not_be_a_subject(sub: object) -> None:
    with pytest.raises(BadClaims) as caught:
        subject({"sub": sub})
    assert "root" not in str(caught.value)
    with pytest.raises(BadClaims):
        identity_of({})


@pytest.mark.parametrize("sub", ["a", "a" * 256, "!~", "auth0|5f7c8ec7c33c6c004bbafe82", '"quoted"', "a,b;c=d"])
def test_subjects(sub: str) -> None:
    assert subject({"sub": sub}) == sub


@pytest.mark.parametrize("exp", [True, False, None, "1800000000", [], {}])
def test_what_is_no_expiry(exp: object) -> None:
    with pytest.raises(BadClaims, match="exp is not a number"):
        expiry({"exp": exp})


def test_expiries() -> None:
    assert expiry({}) is None
    assert expiry({"exp": 5}) == 5.0 and expiry({"exp": 5.5}) == 5.5
    assert expiry({"exp": 10**400}) == 2.0**53 and expiry({"exp": -(10**400)}) == -(2.0**53)


def test_an_identity_may_have_no_end() -> None:
    identity = identity_of({"sub": "a"}, 7.0)
    assert (identity.exp, identity.until) == (math.inf, 7.0)


@pytest.mark.parametrize(
    ("exp", "why"), [(NOW, "passed"), (NOW - 1, "passed"), (None, "number"), ("x", "number"), (0, "passed")]
)
def test_sealed_claims_need_an_end_that_is_to_come(exp: object, why: str) -> None:
    with pytest.raises(BadClaims, match=why):
        sealed_identity({"sub": "a", "exp": exp}, NOW)
    with pytest.raises(BadClaims, match="missing"):
        sealed_identity({"sub": "a"}, NOW)


def test_sealed_claims_are_good_until_their_end() -> None:
    identity = sealed_identity({"sub": "a", "exp": NOW + 0.5}, NOW)
    assert identity.exp == identity.until == NOW + 0.5


def test_claims_too_deep_to_be_written() -> None:
    deep: dict[str, object] = {"sub": "a"}
    for _ in range(200_000):  # how deep is too deep differs from one Python to the next
        deep = {"sub": "a", "in": deep}
    with pytest.raises(BadClaims, match="nested too deeply"):
        identity_of(deep)
