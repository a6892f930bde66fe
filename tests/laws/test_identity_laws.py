"""No cookie passes that an issuer with a key in force did not seal, byte for byte, for a time that is not over."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from identity.issuer import KEY, NOW, OTHER, header, sealed

from gwt.identity.claims import BadClaims, read_claims
from gwt.identity.cookie import SessionCookie
from gwt.identity.identity import Identity
from gwt.identity.keyring import Keyring, key_id
from gwt.identity.sealed import Sealed

GOOD = [sealed({"sub": f"user-{'x' * n}", "exp": NOW + 60}) for n in range(4)]
COOKIE = SessionCookie("session")
B64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

#: Opened before by the one under test, so that memories are tried as well as the library.
WARM = Sealed(Keyring([KEY]), COOKIE, lambda: NOW)
for good in GOOD:
    assert WARM.of(b"session=" + good) is not None


def admitted(cookie: bytes, now: float = NOW, keys: tuple[bytes, ...] = (KEY,)) -> Identity | None:
    return Sealed(Keyring(keys), COOKIE, lambda: now).of(b"session=" + cookie)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good cookie with a few bytes changed, added, cut out, moved or taken from another."""
    cookie = draw(st.sampled_from(GOOD))
    for _ in range(draw(st.integers(1, 3))):
        at, length = draw(st.integers(0, len(cookie))), draw(st.integers(0, 6))
        piece = draw(
            st.one_of(
                st.just(b""),
                st.binary(max_size=4),
                st.text(B64 + ".=+/ ", max_size=6).map(str.encode),
                st.sampled_from([other[at : at + length] for other in GOOD]),
            )
        )
        cookie = cookie[:at] + piece + cookie[at + length :]
    return cookie


@given(mutated())
@settings(max_examples=1500, deadline=None)
def test_mutants_never_pass(cookie: bytes) -> None:
    if cookie not in GOOD:
        assert WARM.of(b"session=" + cookie) is None or b";" in cookie
        assert admitted(cookie) is None or b";" in cookie


@given(st.sampled_from(GOOD), st.integers(0, 400))
@settings(deadline=None)
def test_truncated_ones_never_pass(cookie: bytes, length: int) -> None:
    if length < len(cookie):
        assert WARM.of(b"session=" + cookie[:length]) is None


@given(st.floats(-1e6, 1e6), st.booleans())
@settings(deadline=None)
def test_exp_is_the_end(seconds: float, whole: bool) -> None:
    exp = NOW + (round(seconds) if whole else seconds)
    identity = admitted(sealed({"sub": "a", "exp": int(exp) if whole else exp}))
    assert (identity is not None) is (NOW < exp)


@given(st.lists(st.sampled_from([bytes([n]) * 32 for n in range(5)]), unique=True), st.integers(0, 4))
@settings(deadline=None)
def test_exactly_the_keys_in_force_open(keys: list[bytes], one: int) -> None:
    key = bytes([one]) * 32
    cookie = sealed({"sub": "a", "exp": NOW + 1}, header(kid=key_id(key)), key)
    assert (admitted(cookie, keys=tuple(keys)) is not None) is (key in keys)


names = st.sampled_from(["alg", "enc", "kid", "zip", "crit", "typ", "cty", "jwk", "apu", "p2s", "exp"])
values: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(["dir", "none", "A256GCM", "A128GCM", "A256KW", "DEF", key_id(KEY), key_id(OTHER), ""]),
    st.none(), st.booleans(), st.integers(), st.lists(st.text(max_size=3), max_size=2),
)  # fmt: skip


@given(st.dictionaries(names, values, max_size=4))
@settings(deadline=None)
def test_only_the_one_header_passes(more: dict[str, Any]) -> None:
    head = {**header(), **more}
    exact = {name: head.get(name) for name in ("alg", "enc", "kid")} == header() and head.keys() <= {
        *header(),
        "typ",
        "cty",
    }
    passed = admitted(sealed({"sub": "a", "exp": NOW + 1}, head)) is not None
    assert passed <= exact
    if head == header():
        assert passed


leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text())
trees = st.recursive(leaves, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=8)


@given(st.dictionaries(st.text(max_size=5), trees, max_size=4))
@settings(deadline=None)
def test_claims_come_back_as_they_were(more: dict[str, Any]) -> None:
    claims = {**more, "sub": "a", "exp": NOW + 5}
    identity = admitted(Keyring([KEY]).seal(claims).encode())
    assert identity is not None and dict(identity.claims) == claims
    assert identity.lines.count(b"\r\n") == 2 and identity.lines.isascii()


@given(st.binary(max_size=60))
def test_what_is_read_is_what_json_reads_but_never_twice(raw: bytes) -> None:
    try:
        found = read_claims(raw)
    except BadClaims:
        return
    assert found == json.loads(raw)


parts = st.text("session=;x \tabc", max_size=24).map(str.encode)


@given(st.lists(parts, max_size=6).map(b"; ".join))
def test_a_cookie_counts_where_its_name_stands_once(field: bytes) -> None:
    pairs = [part.partition(b"=") for part in field.split(b";")]
    named = [pair for pair in pairs if pair[0].strip(b" \t") == b"session"]
    wanted = named[0][2] if len(named) == 1 and re.fullmatch(rb"[!-~]+", named[0][2]) else None
    assert COOKIE.only(field) == wanted
    stripped = COOKIE.without(b"Cookie: %b\r\n" % field)
    assert COOKIE.only(stripped.removeprefix(b"Cookie:")) is None
    kept = [pair for pair in pairs if pair not in named]
    if len(kept) == len(pairs):
        assert stripped == b"Cookie: %b\r\n" % field
    else:
        assert stripped in (b"", b"Cookie: %b\r\n" % b";".join(b"".join(p) for p in kept).strip(b" \t"))
