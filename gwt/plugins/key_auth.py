"""key-auth: who a client is, by a key that it sends."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Annotated, Any

from gwt.identity.claims import BadClaims, identity_of
from gwt.identity.identity import Identity
from gwt.phase.auth import AuthPlugin, Checked, refusal
from gwt.phase.plugin import Config, Exchange, Misconfigured


class Keys:
    """Keys and whose they are. What is looked up is a keyed hash, so that no time taken tells anything of a key."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pepper = secrets.token_bytes(32)
        self._owners: dict[bytes, Identity] = {}
        for key, name in pairs:
            self._owners.setdefault(self._digest(key.encode()), identity_of({"sub": name}))

    def owner(self, key: bytes) -> Identity | None:
        """Whose key it is."""
        return self._owners.get(self._digest(key))

    def _digest(self, key: bytes) -> bytes:
        return blake2b(key, key=self._pepper, digest_size=16).digest()


@dataclass(frozen=True)
class KeyAuth(AuthPlugin):
    """Admits who sends a key that is known.

    `keys` maps KEY to NAME, which becomes the identity; without it the `consumers` of the store count. With
    `hide_credentials` the upstream does not get the key.
    """

    name = "key-auth"
    priority = 2500

    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    header: Annotated[str, {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}] = "apikey"
    hide_credentials: bool = False
    _keys: Keys | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not all(self.keys):
            raise Misconfigured("keys", "a key is empty")
        try:
            object.__setattr__(self, "_keys", Keys(self.keys.items()) if self.keys else None)
        except BadClaims:
            raise Misconfigured("keys", "a name is not 1 to 256 visible ASCII characters") from None

    def on_config(self, config: Config) -> None:
        """The consumers are others."""
        if not self.keys:
            object.__setattr__(self, "_keys", config.once(self.name, lambda: Keys(_of_consumers(config.consumers))))

    def check(self, ctx: Exchange) -> Checked:
        """By one look-up."""
        said = ctx.header(self.header.lower().encode())
        if not said or self._keys is None:
            return _MISSING
        owner = self._keys.owner(said)
        if owner is None:
            return _UNKNOWN
        if self.hide_credentials:
            ctx.request.remove_header(self.header)
        return owner


_MISSING = refusal('Key realm="gwt"', "there is no key in the request")
_UNKNOWN = refusal('Key realm="gwt"', "the key is not known")


def _of_consumers(consumers: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """(KEY, NAME) of each consumer that has a key and a name that can be an identity; of two with one key the first."""
    for name in sorted(consumers):
        said = consumers[name].get("key-auth")
        key = said.get("key") if isinstance(said, Mapping) else None
        if isinstance(key, str) and key and name.isascii() and name.isprintable() and " " not in name:
            yield key, name
