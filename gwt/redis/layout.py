"""Layout: the keys of a store in Redis, and the script that reads them.

All keys of the configuration share one hash tag: a cluster keeps them in one slot, and a script may touch them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha1
from typing import Final

#: The keys of what a store says of itself: id, format, and the revision of each part.
STATE: Final = ("id", "format", "rev", "services:rev", "certificates:rev")

#: KEYS: those of STATE, then hashes. ARGV: names of fields; none: all of them.
#: Returns the strings and what is in each hash, all as at one moment.
READ: Final = b"""
local found = {}
for at = 1, 5 do found[at] = redis.call('GET', KEYS[at]) end
for at = 6, #KEYS do
  if #ARGV == 0 then found[at] = redis.call('HGETALL', KEYS[at])
  else found[at] = redis.call('HMGET', KEYS[at], unpack(ARGV)) end
end
return found
"""


def sha(script: bytes) -> bytes:
    """By which name Redis knows a script."""
    return sha1(script, usedforsecurity=False).hexdigest().encode()


class Layout:
    """The keys with a `prefix`."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def key(self, name: str) -> bytes:
        """`{PREFIX}:NAME`."""
        return f"{{{self.prefix}}}:{name}".encode()

    @property
    def channel(self) -> str:
        """Where changes are published."""
        return f"{{{self.prefix}}}:changed"

    @property
    def state(self) -> list[bytes]:
        """The keys of STATE."""
        return [self.key(name) for name in STATE]

    def read(self, hashes: Iterable[str]) -> list[bytes]:
        """KEYS of `READ`."""
        return [*self.state, *map(self.key, hashes)]
