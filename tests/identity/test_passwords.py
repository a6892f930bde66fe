"""Hashes of passwords: each kind verifies its own password and no other; what costs too much is not read."""

from __future__ import annotations

import bcrypt
import pytest
from argon2 import PasswordHasher
from passlib.hash import sha256_crypt  # type: ignore[import-untyped]

from gwt.identity.passwords import readable, verify

HASHES = {
    "argon2": PasswordHasher(time_cost=1, memory_cost=64).hash("päss"),
    "bcrypt": bcrypt.hashpw("päss".encode(), b"$2b$04$" + b"a" * 21 + b"e").decode(),
    "sha256-crypt": sha256_crypt.using(rounds=1000, salt="abcdefgh").hash("päss"),
}


@pytest.mark.parametrize("kind", HASHES)
def test_one_password_and_no_other(kind: str) -> None:
    hashed = HASHES[kind]
    assert readable(hashed) and verify(hashed, "päss".encode())
    for wrong in (b"", b"pass", "päss ".encode(), b"x" * 100, b"a\0b", b"\xff"):
        assert not verify(hashed, wrong)


@pytest.mark.parametrize(
    "hashed",
    ["", "secret", "$1$abc$def", "$2b$31$" + "a" * 53, "$5$rounds=999999$abc$" + "a" * 43, "$2b$04$short",
     "$argon2id$v=19$m=9999999,t=3,p=4$YWJjZGVmZ2g$YWJjZGVmZ2g", HASHES["bcrypt"] + "\n"],
)  # fmt: skip
def test_what_is_not_read(hashed: str) -> None:
    assert not readable(hashed)
    assert not verify(hashed[:20], b"x")
