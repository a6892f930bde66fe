"""Where an Address leads to, as a Twisted client endpoint; for Sentinels to whoever is the master now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from zope.interface import implementer

from gwt.authorities import authorities
from gwt.redis.address import Address

#: Seconds for a connection to stand, and for a Sentinel to answer.
PATIENCE = 1.0

Host = tuple[str, int]


def endpoint_of(address: Address, reactor: Any) -> Any:
    """The endpoint. Raises OSError or ValueError where `ca` can't be read."""
    if address.path is not None:
        return UNIXClientEndpoint(reactor, address.path, timeout=PATIENCE)
    signed = authorities(address.ca) if address.tls and address.ca else ()
    trust = trustRootFromCertificates(list(map(Certificate.loadPEM, signed))) if signed else None

    def to(host: Host) -> Any:
        endpoint = HostnameEndpoint(reactor, host[0].encode(), host[1], timeout=PATIENCE)
        return wrapClientTLS(optionsForClientTLS(host[0], trust), endpoint) if address.tls else endpoint

    if address.master is None:
        return to(address.hosts[0])
    asked = [HostnameEndpoint(reactor, host.encode(), port, timeout=PATIENCE) for host, port in address.hosts]
    return MasterEndpoint(reactor, asked, address.master, to)


@implementer(IStreamClientEndpoint)
class MasterEndpoint:
    """Asks each of `sentinels` in turn who the master called `name` is, and connects there; the first answer counts."""

    def __init__(self, reactor: Any, sentinels: Sequence[Any], name: str, to: Any) -> None:
        self._reactor, self._sentinels, self._name, self._to = reactor, list(sentinels), name, to

    def connect(self, factory: Any) -> Deferred[Any]:
        """See IStreamClientEndpoint. Fails with ConnectError where no Sentinel knows."""
        return Deferred.fromCoroutine(self._connect(factory))

    async def _connect(self, factory: Any) -> Any:
        why = "there are none"
        for sentinel in list(self._sentinels):
            try:
                host = await self._ask(sentinel)
            except Exception as error:  # whatever one of them has, the next may know better
                why = str(error) or type(error).__name__
                continue
            if host is not None:
                self._sentinels.remove(sentinel)
                self._sentinels.insert(0, sentinel)  # who knew is asked first next time
                return await self._to(host).connect(factory)
            why = f"it knows no master {self._name}"
        raise ConnectError(None, f"no Sentinel tells where the master is; the last: {why}")

    async def _ask(self, sentinel: Any) -> Host | None:
        from gwt.redis.question import Question  # takes the global reactor, by way of txredisapi

        question: Question = await sentinel.connect(Factory.forProtocol(Question))
        words = (b"SENTINEL", b"get-master-addr-by-name", self._name.encode())
        try:
            reply = await question.ask(*words).addTimeout(PATIENCE, self._reactor)
        finally:
            question.transport.abortConnection()
        match reply:
            case [bytes(host), bytes(port)]:
                return host.decode(), int(port)
        return None
