"""What a Path asks of a request besides its uri: methods, headers, args, cookies, addresses, vars. All must hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gwt.addresses import AddressSet
from gwt.model import units
from gwt.model.route import Path
from gwt.route.variables import BadCondition, RequestView, VarTest, compile_var, show

__all__ = ["BadCondition", "Conditions", "RequestView"]


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
    """The client's address lies in one of these networks."""

    networks: tuple[str, ...]
    addresses: AddressSet

    def holds(self, view: RequestView) -> bool:
        return view.client in self.addresses

    def why(self, view: RequestView) -> str:
        return f"client {view.client} is not in {', '.join(self.networks)}"


def _address_test(texts: tuple[str, ...]) -> AddressTest:
    try:
        networks = tuple(sorted({units.cidr(text) for text in texts}))
    except ValueError as error:
        raise BadCondition(f"remote_addrs: {error}") from None
    return AddressTest(networks, AddressSet.of(networks))


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
