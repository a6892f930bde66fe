"""Hashes of passwords: argon2, bcrypt, sha256-crypt. To verify one takes long, on purpose: not where others wait."""

from __future__ import annotations

import re

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from passlib.hash import sha256_crypt  # type: ignore[import-untyped]

_ARGON2 = re.compile(r"\$argon2(?:id|i|d)\$v=\d+\$m=(\d{1,7}),t=(\d{1,2}),p=\d{1,2}\$[\w+/]+\$[\w+/]+").fullmatch
_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}").fullmatch
_SHA256 = re.compile(r"\$5\$(?:rounds=(\d{4,5})\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43}").fullmatch

_argon2 = PasswordHasher()


def readable(hashed: str) -> bool:
    """Whether it is a hash that can be verified here at a bearable price: argon2 with at most 1 GiB, bcrypt with a
    cost of at most 16, sha256-crypt with at most 99,999 rounds."""
    argon2 = _ARGON2(hashed)
    if argon2 is not None:
        return int(argon2[1]) <= 1 << 20
    return bool(_BCRYPT(hashed) or _SHA256(hashed))


def verify(hashed: str, password: bytes) -> bool:
    """Whether `password` is the one that was hashed; False for a hash that is not `readable`."""
    try:
        if hashed.startswith("$argon2"):
            return _argon2.verify(hashed, password)
        if hashed.startswith("$2"):
            return bcrypt.checkpw(password, hashed.encode())
        return bool(sha256_crypt.verify(password, hashed))
    except (Argon2Error, InvalidHashError, ValueError, TypeError):
        return False
