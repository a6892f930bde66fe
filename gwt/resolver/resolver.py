"""Resolver: asks for the addresses of a name: the hosts file, then the DNS servers, one after the other."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults, succeed

from gwt.dns.message import AAAA, ALIAS, EMPTY, FAILED, FOUND, KINDS, TRUNCATED, A, Answer, answer, failed, question
from gwt.dns.resolution import Answers
from gwt.dns.system import PORT, Server, hosts_of, servers_of
from gwt.resolver.wire import ask_tcp, ask_udp
from gwt.stamps import racy, stamp_of

#: Seconds for an answer of one server, and how often all of them are asked.
PATIENCE: Final = 2.0
ROUNDS: Final = 2

#: Names that are asked for on behalf of one: CNAMEs of which an answer does not say where they lead to.
ALIASES: Final = 8

#: Seconds for which an entry of the hosts file holds.
HOSTS_TTL: Final = 30

RESOLV_CONF, HOSTS = "/etc/resolv.conf", "/etc/hosts"


class Resolver:
    """Asks `servers`; without them those of this machine, whose hosts file then goes before.

    `hosts` and `resolv_conf` are paths; they are looked at again for each name (a stat each, a few KiB where they may
    have changed).
    """

    def __init__(
        self, reactor: Any, servers: Sequence[Server] = (), resolv_conf: str = RESOLV_CONF, hosts: str = HOSTS,
        patience: float = PATIENCE, has_route: Callable[[str], bool] | None = None,
    ) -> None:  # fmt: skip
        self._reactor, self._patience, self._has_route = reactor, patience, has_route or has_route_to
        self._servers: Callable[[], Sequence[Server]]
        self._hosts: Callable[[], Mapping[str, tuple[str, ...]]]
        if servers:
            self._servers, self._hosts = lambda: servers, dict
        else:
            self._servers, self._hosts = _File(resolv_conf, servers_of), _File(hosts, hosts_of)

    def lookup(self, name: str) -> Deferred[Answers]:
        """Fires with an Answer for each of KINDS (found, empty, missing or failed). To cancel it ends the questions."""
        known = self._hosts().get(name)
        if known is not None:
            return succeed({kind: _of_hosts(known, kind) for kind in KINDS})
        servers = self._servers()
        asked = [Deferred.fromCoroutine(self._lookup(servers, name, kind)) for kind in KINDS]
        both = gatherResults(asked, consumeErrors=True)
        return both.addCallback(lambda found: self._usable(dict(zip(KINDS, found, strict=True))))

    def _usable(self, answers: dict[int, Answer]) -> Answers:
        """Without IPv6 where nothing leads there from here (RFC 6724), unless the name has nothing else."""
        six = answers[AAAA]
        if six.outcome == FOUND and answers[A].outcome != EMPTY and not self._has_route(six.addresses[0]):
            answers[AAAA] = six._replace(addresses=())
        return answers

    async def _lookup(self, servers: Sequence[Server], name: str, kind: int) -> Answer:
        ttl = 2**31
        for _ in range(ALIASES):
            found = await self._ask_any(servers, name, kind)
            if found.outcome != ALIAS:
                return found._replace(ttl=min(ttl, found.ttl))
            name, ttl = found.alias, min(ttl, found.ttl)
        return failed(f"more than {ALIASES} CNAMEs in a row")

    async def _ask_any(self, servers: Sequence[Server], name: str, kind: int) -> Answer:
        """Ask until a server says something certain."""
        found = failed("there is no DNS server")
        for _ in range(ROUNDS):
            for server in servers:
                found = await self._ask(server, name, kind)
                if found.outcome != FAILED:
                    return found
        return found

    async def _ask(self, server: Server, name: str, kind: int) -> Answer:
        number = secrets.randbits(16)

        def read(data: bytes) -> Answer | None:
            return answer(data, number, name, kind)

        sent = question(number, name, kind)
        found = await ask_udp(self._reactor, server, sent, read, self._patience)
        if found.outcome == TRUNCATED:
            found = await ask_tcp(self._reactor, server, sent, read, self._patience)
        if found.outcome in (FAILED, TRUNCATED):
            return failed(f"{server[0]}: {found.why}")
        return found


def has_route_to(address: str) -> bool:
    """Whether this machine knows a way to an IPv6 address. Nothing is sent."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.connect((address, PORT))
    except OSError:
        return False
    return True


def _of_hosts(addresses: Sequence[str], kind: int) -> Answer:
    found = tuple(one for one in addresses if (":" in one) == (kind != A))
    return Answer(FOUND, found, HOSTS_TTL) if found else Answer(EMPTY, why="the hosts file has no such address")


class _File:
    """What a small file says; one that can't be read says nothing."""

    def __init__(self, path: str, read: Callable[[str], Any]) -> None:
        self._path, self._read = path, read
        self._stamp: Any = None
        self._value = read("")

    def __call__(self) -> Any:
        try:
            stamp = stamp_of(os.stat(self._path))
            if stamp != self._stamp:
                with open(self._path, encoding="utf-8", errors="replace") as file:
                    self._value = self._read(file.read())
                self._stamp = None if racy(stamp, time.time_ns()) else stamp
        except OSError:
            self._stamp, self._value = None, self._read("")
        return self._value
