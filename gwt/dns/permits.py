"""Permits: which names ExternalName Services may lead to, and which addresses never, however a name resolves. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final

from gwt.addresses import AddressSet
from gwt.dns.message import canonical

#: What the first 96 bits of an IPv6 address are where the last 32 are an IPv4 address: mapped; compatible, NAT64.
_MAPPED: Final = 0xFFFF
_EMBEDDING: Final = (0, 0x64FF9B << 64)


class Permits:
    """`allow` are globs of names, `deny` CIDRs that are never led to."""

    def __init__(self, allow: Sequence[str], deny: Sequence[str]) -> None:
        self._allow, self._deny = tuple(map(canonical, allow)), AddressSet.of(deny)

    def admits(self, name: str) -> bool:
        """Whether a canonical name may be led to."""
        return any(fnmatchcase(name, glob) for glob in self._allow)

    def address(self, text: str) -> str | None:
        """An address as it is written in endpoints, without port; None where it must not be led to, or is none.

        An IPv4 address within an IPv6 one counts as what it is. No address at all (0.0.0.0, ::) is this machine, and
        is denied with groups of them, whatever `deny` says.
        """
        try:
            if ":" not in text:
                return self._four(int.from_bytes(inet_pton(AF_INET, text)))
            wide = int.from_bytes(inet_pton(AF_INET6, text))
        except (OSError, ValueError):
            return None
        above, below = wide >> 32, wide & 0xFFFFFFFF
        if above == _MAPPED:
            return self._four(below)
        if wide == 0 or wide >> 120 == 0xFF:
            return None
        if (above in _EMBEDDING and self._four(below) is None) or (
            wide >> 112 == 0x2002 and self._four((wide >> 80) & 0xFFFFFFFF) is None
        ):
            return None
        found = inet_ntop(AF_INET6, wide.to_bytes(16))
        return None if found in self._deny else found

    def _four(self, address: int) -> str | None:
        if address == 0 or address >> 28 == 0xE:
            return None
        found = inet_ntop(AF_INET, address.to_bytes(4))
        return None if found in self._deny else found


def literal(text: str) -> IPv4Address | IPv6Address | None:
    """The address that a text is; None where it is none, or one of a single link (a zone)."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return None if address.scope_id is not None else address.ipv4_mapped or address
