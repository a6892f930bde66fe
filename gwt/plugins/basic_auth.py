"""basic-auth: who a client is, by name and password (RFC 7617)."""

from __future__ import annotations

import binascii
import secrets
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from twisted.internet.defer import Deferred

from gwt.errors import GatewayError
from gwt.identity.claims import BadClaims, identity_of
from gwt.identity.identity import Identity
from gwt.identity.memory import Memory
from gwt.identity.passwords import readable, verify
from gwt.phase.auth import AuthPlugin, Checked, Settled, refusal
from gwt.phase.plugin import Config, Exchange, Misconfigured
from gwt.phase.tools import Tools

#: Pairs of hash and password that are remembered as right, and hashes that may be worked at or wait for it.
REMEMBERED, MAX_WAITING = 10_000, 64

_REFUSED = refusal('Basic realm="gwt", charset="UTF-8"', "name and password are needed")
#: Worked at for names that are not known, so that the time taken does not tell them from others.
_NOBODY = "$2b$10$3b1Hn5/zknV9l7KsndN4u.N9nVrl/Llkb2KSHFz9Etd./xT3B.wjO"


class Verifier:
    """Verifies passwords aside, one work for equal questions; what was right is remembered by a keyed hash."""

    def __init__(self, tools: Tools) -> None:
        self._tools, self._pepper = tools, secrets.token_bytes(32)
        self._right: Memory[bool] = Memory(REMEMBERED, 4 << 20, lambda right: 16)
        self._asked: dict[bytes, list[Deferred[bool]]] = {}

    def right(self, hashed: str, password: bytes) -> bool | Deferred[bool]:
        """Whether the password is right. Raises GatewayError `overloaded` where too many wait."""
        said = b"%b\0%b" % (hashed.encode(), password)
        digest = blake2b(said, key=self._pepper, digest_size=32).digest()
        if self._right.get(digest):
            return True
        others = self._asked.get(digest)
        if others is None:
            if len(self._asked) >= MAX_WAITING:
                raise GatewayError("overloaded", "too many passwords are being verified")
            others = self._asked[digest] = []
            self._tools.aside(verify, hashed, password).addBoth(self._verified, digest)
            if digest not in self._asked:
                return self._right.get(digest) or False
        waiting: Deferred[bool] = Deferred()
        others.append(waiting)
        return waiting

    def _verified(self, found: Any, digest: bytes) -> None:
        if found is True:
            self._right.put(digest, True)
        for one in self._asked.pop(digest):
            one.callback(found is True)


@dataclass(frozen=True)
class BasicAuth(AuthPlugin):
    """Admits who knows the password of a name.

    `users` maps NAME, which becomes the identity, to a HASH of argon2, bcrypt or sha256-crypt; without it the
    `consumers` of the store count. With `hide_credentials` the upstream does not get name and password.
    """

    name = "basic-auth"
    priority = 2520

    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    hide_credentials: bool = False
    _known: Mapping[bytes, tuple[str, Identity]] = field(init=False, default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not all(map(readable, self.users.values())):
            raise Misconfigured("users", "a hash is not one of argon2, bcrypt or sha256-crypt (or costs too much)")
        known = _known(self.users)
        if len(known) != len(self.users):
            raise Misconfigured("users", "a name is not 1 to 256 visible ASCII characters without a colon")
        object.__setattr__(self, "_known", known)

    def on_config(self, config: Config) -> None:
        """The consumers are others."""
        if not self.users:
            object.__setattr__(self, "_known", config.once(self.name, lambda: _known(_of_consumers(config.consumers))))

    def check(self, ctx: Exchange) -> Checked:
        """At once where the pair was right before."""
        pair = _pair(ctx.header(b"authorization"))
        if pair is None:
            return _REFUSED
        hashed, identity = self._known.get(pair[0], (_NOBODY, None))
        verifier = ctx.tools.kept.get(self.name)
        if verifier is None:
            verifier = ctx.tools.kept[self.name] = Verifier(ctx.tools)
        right = verifier.right(hashed, pair[1])
        if isinstance(right, Deferred):
            return right.addCallback(self._decided, ctx, identity)
        return self._decided(right, ctx, identity)

    def _decided(self, right: bool, ctx: Exchange, identity: Identity | None) -> Settled:
        if not right or identity is None:
            return _REFUSED
        if self.hide_credentials:
            ctx.request.remove_header("Authorization")
        return identity


def _pair(said: bytes | None) -> tuple[bytes, bytes] | None:
    """Name and password of an Authorization field; None where it is none of Basic."""
    scheme, _, text = (said or b"").partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        name, colon, password = b64decode(text.strip(b" "), validate=True).partition(b":")
    except binascii.Error:
        return None
    return (name, password) if colon else None


def _known(users: Mapping[str, str]) -> dict[bytes, tuple[str, Identity]]:
    found = {}
    for name, hashed in users.items():
        try:
            identity = identity_of({"sub": name})
        except BadClaims:
            continue
        if ":" not in name:
            found[name.encode()] = (hashed, identity)
    return found


def _of_consumers(consumers: Mapping[str, Any]) -> dict[str, str]:
    said = ((name, conf.get("basic-auth")) for name, conf in consumers.items())
    pairs = ((name, conf.get("hash")) for name, conf in said if isinstance(conf, Mapping))
    return {name: hashed for name, hashed in pairs if isinstance(hashed, str) and readable(hashed)}
