"""What this machine says of names: resolv.conf(5) and hosts(5), read as texts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gwt.dns.message import canonical
from gwt.dns.permits import literal

PORT: Final = 53

#: Servers that are asked: as many as the C library takes, and where there are none, as it does.
SERVERS: Final = 3
NONE_GIVEN: Final = (("127.0.0.1", PORT),)

#: Address and port.
Server = tuple[str, int]


def servers_of(text: str) -> tuple[Server, ...]:
    """The servers of a resolv.conf, in order. `search` and `ndots` don't matter: external names are absolute."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver" and literal(words[1].partition("%")[0]) is not None:
            found.append((words[1], PORT))
    return tuple(found[:SERVERS]) or NONE_GIVEN


def hosts_of(text: str) -> Mapping[str, tuple[str, ...]]:
    """By canonical name the addresses of a hosts file."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if literal(address) is not None:
            for name in dict.fromkeys(map(canonical, names)):
                found[name] = (*found.get(name, ()), address)
    return found


def server_of(address: str) -> Server:
    """`IP:PORT` or `[v6]:PORT`, as settings have it."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
