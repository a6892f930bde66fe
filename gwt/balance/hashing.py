"""Sticky: the same key goes to the same endpoint for as long as that is possible.

Weighted rendezvous hashing: every endpoint draws a number from (key, its address), the best draw wins. A change
of one endpoint moves only the keys that it had or gets; all workers and gateways agree without talking.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from math import log
from zlib import crc32

from gwt.balance.endpoint import Endpoint
from gwt.balance.pick import Turns

#: So many keys' choices are remembered; then it starts afresh.
REMEMBERED = 8192

_MASK = (1 << 64) - 1
_MIX = 0x9E3779B97F4A7C15
_MIX2 = 0xD6E8FEB86659FD93


class Sticky:
    """Chooses by the key's hash; requests without a key take turns."""

    __slots__ = ("_chosen", "_seeded", "_turns", "_weighted")

    def __init__(self, endpoints: Sequence[Endpoint], turns: Turns) -> None:
        """`turns`: a round robin over the same `endpoints`."""
        self._seeded = [(seed(endpoint.address), endpoint) for endpoint in endpoints]
        self._weighted = len({endpoint.share for endpoint in endpoints}) > 1
        self._turns = turns
        self._chosen: dict[int, Endpoint] = {}

    def pick(self, key: bytes | None = None, tried: Collection[Endpoint] = ()) -> Endpoint | None:
        if key is None:
            return self._turns.pick(None, tried)
        if tried:
            return self._best(crc32(key), [pair for pair in self._seeded if pair[1] not in tried])
        number = crc32(key)
        endpoint = self._chosen.get(number)
        if endpoint is None:
            endpoint = self._best(number, self._seeded)
            if endpoint is not None:
                if len(self._chosen) >= REMEMBERED:
                    self._chosen.clear()
                self._chosen[number] = endpoint
        return endpoint

    def _best(self, number: int, seeded: Sequence[tuple[int, Endpoint]]) -> Endpoint | None:
        """The endpoint with the best draw: the highest, or the lowest -ln(draw) / weight, which agrees with it."""
        best, lead = None, float("inf")
        if self._weighted:
            for salt, endpoint in seeded:
                score = -log((draw(number, salt) + 1) / 2.0**64) / endpoint.share
                if best is None or score < lead:
                    best, lead = endpoint, score
            return best
        highest, spread = -1, number * _MIX
        for salt, endpoint in seeded:
            bits = ((spread ^ salt) & _MASK) * _MIX2 & _MASK  # `draw`, written out
            bits = (bits ^ bits >> 32) * _MIX & _MASK
            if bits > highest:
                best, highest = endpoint, bits
        return best

    def phases(self) -> Mapping[str, float]:
        return self._turns.phases()


def seed(address: str) -> int:
    """64 bits that stand for an address, the same in every process and release."""
    return int.from_bytes(blake2b(address.encode(), digest_size=8, person=b"gwt.sticky").digest(), "big")


def draw(number: int, salt: int) -> int:
    """64 well-mixed bits of a key's 32-bit `number` and an endpoint's `salt`."""
    bits = ((number * _MIX ^ salt) & _MASK) * _MIX2 & _MASK
    return (bits ^ bits >> 32) * _MIX & _MASK
