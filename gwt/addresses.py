"""Sets of addresses: CIDRs, IPv4 and IPv6, compiled into one sorted row of numbers.

Both families lie on one line: IPv4 first, IPv6 behind it. An IPv4 address mapped into IPv6 is the IPv4 address.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_pton

from gwt.steps import Steps, finish

#: Where IPv6 begins on the line.
_V6 = 1 << 32
_MAPPED = 0xFFFF << 32
#: Bits for a number of the line.
_BITS = 130
_MASK = (1 << _BITS) - 1
#: CIDRs that are read, sorted or merged between two steps.
_STRIDE = 256

#: A set with more bounds than this remembers whom it was asked for: a dict look-up instead of a search.
_LARGE = 64
_REMEMBERED = 8192


@lru_cache(maxsize=8192)
def number(address: str) -> int | None:
    """Where an address (as text; a zone after `%` does not count) lies on the line; None if it is none."""
    try:
        if ":" not in address:
            return int.from_bytes(inet_pton(AF_INET, address))
        wide = int.from_bytes(inet_pton(AF_INET6, address.partition("%")[0]))
    except (OSError, ValueError):
        return None
    return wide & 0xFFFFFFFF if wide >> 32 == 0xFFFF else wide + _V6


class AddressSet:
    """Addresses that belong to some CIDRs. Immutable; equal sets are equal, however their CIDRs were written.

    `bounds` are the numbers at which membership changes: what lies behind an odd count of them is in the set.
    """

    __slots__ = ("__weakref__", "_known", "bounds")

    def __init__(self, bounds: tuple[int, ...]) -> None:
        self.bounds = bounds
        self._known: dict[str, bool] = {}

    @classmethod
    def of(cls, cidrs: Iterable[str]) -> AddressSet:
        """The set of `cidrs` (10.0.0.0/8, 2001:db8::/32, 192.0.2.1). Raises ValueError naming one that is none."""
        return finish(cls.steps(tuple(cidrs)))

    @classmethod
    def steps(cls, cidrs: Sequence[str]) -> Steps[AddressSet]:
        """`of` in steps, for long lists while requests are served."""
        parts = []
        for start in range(0, len(cidrs), _STRIDE):
            parts.append(sorted(map(_span, cidrs[start : start + _STRIDE])))
            yield
        bounds: list[int] = []
        for count, span in enumerate(heapq.merge(*parts)):
            start, stop = span >> _BITS, span & _MASK
            if not bounds or start > bounds[-1]:
                bounds.append(start)
                bounds.append(stop)
            elif stop > bounds[-1]:
                bounds[-1] = stop
            if count % _STRIDE == 0:
                yield
        return cls(tuple(bounds))

    def __contains__(self, address: str) -> bool:
        """Whether the address (as text) is one of the set; what is no address never is."""
        known = self._known.get(address)
        return self._search(address) if known is None else known

    def _search(self, address: str) -> bool:
        at = number(address)
        found = at is not None and bisect_right(self.bounds, at) & 1 == 1
        if len(self.bounds) > _LARGE:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[address] = found
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AddressSet) and self.bounds == other.bounds

    def __hash__(self) -> int:
        return hash(self.bounds)

    def __repr__(self) -> str:
        return f"<AddressSet of {len(self.bounds) // 2} ranges>"


def _span(cidr: str) -> int:
    """The first number of a CIDR and the one behind its last, in one int that sorts; host bits do not count."""
    address, slash, length = cidr.partition("/")
    try:
        raw = inet_pton(AF_INET6 if ":" in address else AF_INET, address)
    except (OSError, ValueError):
        raw = b""
    width = 8 * len(raw)
    if not raw or (slash and not (length.isascii() and length.isdigit() and int(length) <= width)):
        raise ValueError(f"{cidr!r} is not an address or a network (10.0.0.0/8)")
    below = width - int(length) if slash else 0
    first = int.from_bytes(raw) >> below << below
    if width == 128:
        first = first - _MAPPED if first >> 32 == 0xFFFF and below <= 32 else first + _V6
    return first << _BITS | (first + (1 << below))
