"""Which bucket a request belongs to: limits compiled to functions that give the bucket's key.

A key begins with who declares the limit, so that one level has one bucket whatever asks; then come the values that
the selectors ask for, in a fixed order, parted by spaces. None of them can hold a space but the last one, so that
no two requests share a bucket by spelling.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network
from typing import Protocol
from urllib.parse import quote

from gwt.model.policy import Origin
from gwt.model.route import Path, RateLimit, Route, Service


class Named(Protocol):
    """What a Leaf is called."""

    service: str
    upstream: str | None


class Asker(Protocol):
    """What of a request a key may be made of: an Exchange has it."""

    client: str
    path: bytes
    user: str | None
    leaf: Named


Key = Callable[[Asker], bytes]


class Limit:
    """A rate limit, compiled: `rate` requests a second, `burst` at once besides, `key` gives the bucket.

    `by_user`: it must wait until it is known who asks. `name`: what the keys of its buckets begin with. `fail`: local,
    open or closed, what holds while a counter that is shared can't be asked.
    """

    __slots__ = ("burst", "by_user", "fail", "key", "name", "rate")

    def __init__(
        self, rate: int, burst: int, key: Key, by_user: bool = False, name: bytes = b"", fail: str = "local"
    ) -> None:
        self.rate, self.burst, self.key, self.by_user, self.name = rate, burst, key, by_user, name
        self.fail = fail

    def __repr__(self) -> str:
        return f"Limit({self.rate}, {self.burst})"


def compile_limits(declarer: str, limits: Sequence[RateLimit]) -> tuple[Limit, ...]:
    """The limits of a policy, which `declarer` (of `declared_by`: no spaces) has set.

    A bucket stays the same when `rate`, `burst` or the order of limits is edited: its key holds the selectors, and the
    place among limits with the same selectors.
    """
    compiled = []
    seen: dict[frozenset[str], int] = {}
    for limit in limits:
        selectors = frozenset(limit.selectors)
        seen[selectors] = number = seen.get(selectors, 0) + 1
        text = " ".join([declarer, ",".join(sorted(selectors))]).rstrip() + (f"+{number}" if number > 1 else "")
        name = text.encode()
        fail = limit.fail if limit.rate else "local"  # nothing passes at a rate of 0, and nobody need be asked
        compiled.append(Limit(limit.rate, limit.burst, _key(name, selectors), "user" in selectors, name, fail))
    return tuple(compiled)


def declared_by(
    origin: Origin, route: Route | None = None, service: Service | None = None, path: Path | None = None
) -> str:
    """A name for the level that set the limits, the same for all leaves under it and for no other level."""
    if origin.level == "global" or route is None:
        return "global"
    name = f"route:{_quoted(route.name)}"
    if origin.level == "route" or service is None:
        return name
    name += f":{_quoted(service.name or service.upstream or service.resource or '')}"
    name += _number([one for one in route.services if _called(one) == _called(service)], service)
    if origin.level == "service" or path is None:
        return name
    same = [one for one in service.paths if (one.uri, one.match) == (path.uri, path.match)]
    return f"{name}:{path.match}:{_quoted(path.uri)}{_number(same, path)}"


def _quoted(name: str) -> str:
    """Without the characters that part a key."""
    return quote(name, safe="/*{}")


def _called(service: Service) -> tuple[str | None, ...]:
    return service.name, service.upstream, service.resource


def _number(same: Sequence[object], one: object) -> str:
    """What tells namesakes apart; nothing for the first."""
    number = same.index(one) if one in same else 0
    return f"#{number + 1}" if number else ""


def _key(name: bytes, selectors: frozenset[str]) -> Key:
    if not selectors:
        return lambda asker: name
    name += b" "
    if selectors == {"ip"}:
        return lambda asker: name + address(asker.client)
    if selectors == {"user"}:
        return lambda asker: name + _user(asker)
    parts = tuple(_PARTS[selector] for selector in _PARTS if selector in selectors)
    return lambda asker: name + b" ".join([part(asker) for part in parts])


def address(client: str) -> bytes:
    """A client's address: of IPv6 the /64, which is what one customer has; an IPv4 one in IPv6's clothes is IPv4."""
    return _six(client) if ":" in client else client.encode()


@lru_cache(maxsize=4096)
def _six(client: str) -> bytes:
    try:
        six = IPv6Address(client)
    except ValueError:
        return client.encode()
    if six.ipv4_mapped is not None:
        return str(six.ipv4_mapped).encode()
    return str(IPv6Network((int(six) >> 64 << 64, 64))).encode()


def _user(asker: Asker) -> bytes:
    """Who asks; where nobody knows, the address. No user can take the place of an address."""
    user = asker.user
    return address(asker.client) if user is None else b"user=" + user.encode("utf-8", "surrogatepass")


#: In the order of the key. Only a user may hold spaces.
_PARTS: dict[str, Key] = {
    "ip": lambda asker: address(asker.client),
    "service": lambda asker: quote(asker.leaf.upstream or asker.leaf.service, safe="/:").encode(),
    "path": lambda asker: asker.path,
    "user": _user,
}
