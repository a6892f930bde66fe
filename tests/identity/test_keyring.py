"""gwt.identity.keyring: what opens, what never does, rotation, and other makers of JWE."""

from __future__ import annotations

import json
import zlib
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from identity.issuer import CLAIMS, KEY, OTHER, b64, header, sealed
from joserfc import jwe
from joserfc.jwk import OctKey

from gwt.identity.keyring import MAX_COOKIE, Keyring, Refused, key_id

KEYRING = Keyring([KEY])


def test_a_cookie_as_the_contract_has_it() -> None:
    cookie = KEYRING.seal(CLAIMS)
    first, encrypted_key, iv, text, tag = cookie.split(".")
    said = json.loads(urlsafe_b64decode(first + "=="))
    assert said == {"alg": "dir", "enc": "A256GCM", "kid": key_id(KEY)}
    assert encrypted_key == "" and len(urlsafe_b64decode(iv)) == 12 and len(urlsafe_b64decode(tag + "==")) == 16
    assert KEYRING.open(cookie.encode()) == CLAIMS and text
    assert KEYRING.seal(CLAIMS) != cookie


def test_other_makers_cookies_open() -> None:
    assert KEYRING.open(sealed()) == CLAIMS
    assert KEYRING.open(sealed(head=header(typ="JWT", cty="JWT"))) == CLAIMS
    theirs = jwe.encrypt_compact(header(), json.dumps(CLAIMS), OctKey.import_key(KEY), algorithms=["dir", "A256GCM"])
    assert KEYRING.open(theirs.encode()) == CLAIMS


def test_ours_open_elsewhere() -> None:
    registry = jwe.JWERegistry(algorithms=["dir", "A256GCM"])
    opened = jwe.decrypt_compact(KEYRING.seal(CLAIMS), OctKey.import_key(KEY), registry=registry)
    assert json.loads(opened.plaintext or b"") == CLAIMS


@pytest.mark.parametrize(
    "head",
    [
        header(zip="DEF"), header(crit=["exp"]), header(crit=[]), header(crit=["zip"], zip="DEF"), header(alg="none"),
        header(alg="A256KW"), header(alg="A256GCMKW"), header(alg="ECDH-ES"), header(alg="PBES2-HS256+A128KW"),
        header(alg="DIR"), header(alg=["dir"]), header(alg=None), header(enc="A128GCM"), header(enc="A128CBC-HS256"),
        header(enc="A256CBC-HS512"), header(enc="a256gcm"), header(enc=None), header(kid=None), header(kid=5),
        header(kid=""), header(kid=[key_id(KEY)]), header(kid=key_id(KEY).upper() + " "), header(kid=key_id(OTHER)),
        header(jwk={"kty": "oct", "k": "AAAA"}), header(jku="http://evil.example/"), header(x5u="x"), header(p2c=10**9),
        header(epk={}), header(iv="AAAA"), header(b64=False),
        b"", b"{}", b"[]", b"null", b"x", b"\xff", b'{"alg":"dir","enc":"A256GCM"', b"[" * 900,
        b'{"alg":"none","alg":"dir","enc":"A256GCM","kid":"%b"}' % key_id(KEY).encode(),
        b'{"alg":"dir","enc":"A256GCM","kid":"00000000","kid":"%b"}' % key_id(KEY).encode(),
    ],
    ids=repr,
)  # fmt: skip
def test_no_other_header_opens(head: dict[str, Any] | bytes) -> None:
    with pytest.raises(Refused):
        KEYRING.open(sealed(head=head))


def test_compressed_claims_never_open() -> None:
    raw = zlib.compress(json.dumps(CLAIMS).encode())[2:-4]
    for head in (header(zip="DEF"), header()):
        with pytest.raises(Refused):
            KEYRING.open(sealed(raw, head))


@pytest.mark.parametrize(
    "claims", [b"", b"[]", b'"alice"', b"null", b"{", b'{"sub":"a","sub":"b"}', b"\xff", b"[" * 2000]
)
def test_claims_that_are_no_object_never_open(claims: bytes) -> None:
    with pytest.raises(Refused):
        KEYRING.open(sealed(claims))


@pytest.mark.parametrize(
    "cookie",
    [
        sealed(key=OTHER),
        sealed(iv=b"i" * 16),
        sealed(iv=b"i" * 11),
        sealed(encrypted_key=b"e" * 8),
        sealed() + b".",
        b"." + sealed(),
        sealed() + b"=",
        sealed().replace(b"..", b"."),
        sealed() + b"\n",
        b" " + sealed(),
        sealed()[:-1],
        sealed()[:-22],
        b"",
        b"....",
        b"a..b.c.d",
        b".".join([b"A" * 1000] * 5),
        b"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.",
    ],
)
def test_nothing_else_opens(cookie: bytes) -> None:
    with pytest.raises(Refused):
        KEYRING.open(cookie)


def test_every_flipped_bit_is_seen() -> None:
    for cookie in (sealed({**CLAIMS, "fill": fill}) for fill in ("", "x", "xx")):
        for bit in range(8 * len(cookie)):
            flipped = bytearray(cookie)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(Refused):
                KEYRING.open(bytes(flipped))


def test_parts_of_two_cookies_are_no_cookie() -> None:
    mine, other = sealed().split(b"."), sealed({"sub": "root", "exp": 2e9}).split(b".")
    for index in range(2, 5):
        with pytest.raises(Refused):
            KEYRING.open(b".".join([*mine[:index], other[index], *mine[index + 1 :]]))


def test_rotation() -> None:
    old, both, new = Keyring([KEY]), Keyring([OTHER, KEY]), Keyring([OTHER])
    before, after = old.seal(CLAIMS).encode(), both.seal(CLAIMS).encode()
    assert both.open(before) == both.open(after) == new.open(after) == CLAIMS
    with pytest.raises(Refused, match="not any more"):
        new.open(before)
    with pytest.raises(Refused):
        old.open(after)


def test_a_key_of_another_kid_is_not_tried() -> None:
    with pytest.raises(Refused, match="not here"):
        Keyring([KEY, OTHER]).open(sealed(head=header(kid="00000000")))


def test_no_key_opens_nothing_and_seals_nothing() -> None:
    with pytest.raises(Refused):
        Keyring([]).open(sealed())
    with pytest.raises(Refused, match="no key"):
        Keyring([]).seal(CLAIMS)


def test_keys_have_32_bytes() -> None:
    for size in (0, 16, 31, 33, 64):
        with pytest.raises(ValueError, match="32 bytes"):
            Keyring([b"x" * size])


def test_size_is_bounded_both_ways() -> None:
    with pytest.raises(Refused, match="larger than 4096"):
        KEYRING.seal({**CLAIMS, "fill": "x" * 4000})
    with pytest.raises(Refused, match="larger than 4096"):
        KEYRING.open(sealed({**CLAIMS, "fill": "x" * 4000}))
    large = KEYRING.seal({**CLAIMS, "fill": "x" * 2800})
    assert 3800 < len(large) <= MAX_COOKIE and KEYRING.open(large.encode())["fill"] == "x" * 2800


def test_headers_are_remembered_within_bounds() -> None:
    keyring = Keyring([KEY])
    for number in range(300):
        keyring.open(sealed(head=header(typ=str(number))))
    assert len(keyring._by_header) <= 64
    with pytest.raises(Refused):
        keyring.open(sealed(head=header(typ="forged"), key=OTHER))
    assert keyring.open(sealed(head=header(typ="299"))) == CLAIMS


def test_nothing_shows_a_key_or_a_cookie() -> None:
    shown = repr(KEYRING) + str(KEYRING)
    cookie = sealed(key=OTHER)
    with pytest.raises(Refused) as caught:
        KEYRING.open(cookie)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    for text in (KEY.decode(), KEY.hex(), b64(KEY).decode(), cookie.decode(), "alice"):
        assert text not in shown + str(caught.value)
