"""What a Path asks of a request besides its uri: methods, headers, args, cookies, addresses, vars. All must hold."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from gwt.model.route import Path
from gwt.route.variables import BadCondition, RequestView, VarTest, compile_var, show

__all__ = ["BadCondition", "Conditions", "RequestView"]

Ranges = tuple[tuple[int, ...], tuple[int, ...]]


class Test(Protocol):
    """One condition. `holds` is asked for every request, `why` only when somebody wants to know."""

    def holds(self, view: RequestView) -> bool: ...

    def why(self, view: RequestView) -> str: ...


@dataclass(frozen=True, slots=True)
class MethodTest:
    """The method is one of these."""

    methods: frozenset[bytes]

    def holds(self, view: RequestView) -> bool:
        return view.method in self.methods

    def why(self, view: RequestView) -> str:
        return f"method {show(view.method)} is not among {', '.join(sorted(map(show, self.methods)))}"


@dataclass(frozen=True, slots=True)
class HeaderTest:
    """A header field (name in lower case) has exactly this value."""

    name: bytes
    value: bytes

    def holds(self, view: RequestView) -> bool:
        return view.header(self.name) == self.value

    def why(self, view: RequestView) -> str:
        return _unequal("header", self.name, view.header(self.name), self.value)


@dataclass(frozen=True, slots=True)
class ArgTest:
    """A query argument has exactly this value."""

    name: bytes
    value: bytes

    def holds(self, view: RequestView) -> bool:
        return view.arg(self.name) == self.value

    def why(self, view: RequestView) -> str:
        return _unequal("argument", self.name, view.arg(self.name), self.value)


@dataclass(frozen=True, slots=True)
class CookieTest:
    """A cookie has exactly this value."""

    name: bytes
    value: bytes

    def holds(self, view: RequestView) -> bool:
        return view.cookie(self.name) == self.value

    def why(self, view: RequestView) -> str:
        return _unequal("cookie", self.name, view.cookie(self.name), self.value)


def _unequal(kind: str, name: bytes, found: bytes | None, wanted: bytes) -> str:
    if found is None:
        return f"{kind} {show(name)} is missing"
    return f"{kind} {show(name)} is '{show(found)}', not '{show(wanted)}'"


@dataclass(frozen=True, slots=True)
class AddressTest:
    """The client's address lies in one of these networks; v4 and v6 as merged ranges (starts, ends)."""

    networks: tuple[str, ...]
    v4: Ranges
    v6: Ranges

    def holds(self, view: RequestView) -> bool:
        address = _address(view.client)
        if address is None:
            return False
        version, number = address
        starts, ends = self.v4 if version == 4 else self.v6
        at = bisect_right(starts, number)
        return at > 0 and number <= ends[at - 1]

    def why(self, view: RequestView) -> str:
        return f"client {view.client} is not in {', '.join(self.networks)}"


@lru_cache(maxsize=4096)
def _address(text: str) -> tuple[int, int] | None:
    """(version, number) of a client's address; v4-mapped v6 counts as v4; None for a UNIX socket's peer."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.version, int(address)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise BadCondition(f"remote_addrs: {text!r} is not an address or a network (10.0.0.0/8)") from None
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped:
            return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
    return network


def _ranges(networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> Ranges:
    spans = sorted((int(n.network_address), int(n.broadcast_address)) for n in networks)
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(start for start, _ in merged), tuple(end for _, end in merged)


def _address_test(texts: tuple[str, ...]) -> AddressTest:
    networks = [_network(text) for text in texts]
    names = tuple(sorted({str(network) for network in networks}))
    v4, v6 = (_ranges(one for one in networks if one.version == version) for version in (4, 6))
    return AddressTest(names, v4, v6)


@dataclass(frozen=True, slots=True)
class Conditions:
    """The compiled conditions of one Path, cheapest first. Equal tests ask the same, in whatever order they stand."""

    tests: tuple[MethodTest | HeaderTest | ArgTest | CookieTest | AddressTest | VarTest, ...]

    @property
    def count(self) -> int:
        """How many there are: every header, argument, cookie and var counts, methods and remote_addrs once each."""
        return len(self.tests)

    @classmethod
    def of(cls, path: Path) -> Conditions | None:
        """Compile those of a document's Path; None if it has none. Raises `BadCondition`."""
        tests: list[MethodTest | HeaderTest | ArgTest | CookieTest | AddressTest | VarTest] = []
        if path.methods:
            tests.append(MethodTest(frozenset(method.upper().encode() for method in path.methods)))
        tests += [HeaderTest(name.lower(), value) for name, value in _pairs(path.headers)]
        tests += [ArgTest(name, value) for name, value in _pairs(path.args)]
        tests += [CookieTest(name, value) for name, value in _pairs(path.cookies)]
        if path.remote_addrs:
            tests.append(_address_test(path.remote_addrs))
        tests += [compile_var(*var) for var in path.vars]
        return cls(tuple(tests)) if tests else None

    def holds(self, view: RequestView) -> bool:
        """Whether every condition holds. Hot."""
        for test in self.tests:
            if not test.holds(view):
                return False
        return True

    def fails(self, view: RequestView) -> str | None:
        """None if every condition holds, else why the first that fails does, for people."""
        for test in self.tests:
            if not test.holds(view):
                return test.why(view)
        return None


def _pairs(mapping: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), str(value).encode()) for name, value in sorted(mapping.items())]
