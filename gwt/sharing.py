"""Sharing: what gateways of one store have in common besides documents: rate limits, and who they are.

Import this only once a reactor is installed: txredisapi takes the global one as it is imported.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred, gatherResults

from gwt import __version__
from gwt.etcd import address as etcd
from gwt.etcd.client import Client as EtcdClient
from gwt.etcd.presence import EtcdRegister
from gwt.limiter.cluster import ClusterLimiter
from gwt.limiter.link import Link
from gwt.limiter.node import NodeLimiter
from gwt.limiting import Limiter
from gwt.presence import Presence
from gwt.redis.address import Address, read_address
from gwt.redis.client import Client
from gwt.redis.endpoint import endpoint_of
from gwt.redis.layout import Layout
from gwt.redis.presence import RedisRegister
from gwt.zones.arena import Arena

#: What a gateway tells of itself.
TOLD: Final = json.dumps({"version": __version__})


class Sharing(Protocol):
    """`limiter` enforces limits that all gateways of a store have together."""

    @property
    def limiter(self) -> Limiter: ...

    def start(self) -> None:
        """Connect, and be counted."""

    def stop(self) -> Deferred[Any]:
        """Say good-bye and disconnect."""


class RedisSharing:
    """`limiter` counts together with all gateways of the Redis at `address`; `node` is the id of this one.

    Raises OSError or ValueError where the address can't be used.
    """

    def __init__(self, reactor: Any, arena: Arena, clock: Callable[[], float], address: Address, node: str) -> None:
        endpoint = endpoint_of(address, reactor)
        self._link = Link(
            reactor, endpoint, address.prefix, address.username, address.password, address.database or None
        )
        self.limiter = ClusterLimiter(arena, self._link, clock)
        self._client = Client(reactor, endpoint, address, self._up)
        register = RedisRegister(self._client, Layout(address.prefix), node, TOLD)
        self._presence = Presence(reactor, register, self._counted)

    def start(self) -> None:
        self._link.start()
        self._client.start()
        self._presence.start()

    def stop(self) -> Deferred[Any]:
        parted = self._presence.stop()
        return parted.addBoth(lambda _: gatherResults([self._link.stop(), self._client.stop()]))

    def _up(self) -> None:
        self._presence.tell()

    def _counted(self, gateways: int) -> None:
        self.limiter.gateways = gateways


class EtcdSharing:
    """`limiter` lets this gateway's part of each limit through, of as many as the etcd at `address` says are alive;
    `node` is the id of this one. Raises OSError or ValueError where the address can't be used.
    """

    def __init__(self, reactor: Any, arena: Arena, address: etcd.Address, node: str) -> None:
        self.limiter = NodeLimiter(arena)
        self._client = EtcdClient(reactor, address)
        register = EtcdRegister(self._client, address.prefix, node, TOLD)
        self._presence = Presence(reactor, register, self._counted)

    def start(self) -> None:
        self._presence.start()

    def stop(self) -> Deferred[Any]:
        return self._presence.stop().addCallback(lambda _: self._client.close())

    def _counted(self, gateways: int) -> None:
        self.limiter.gateways = gateways


def sharing(reactor: Any, arena: Arena, clock: Callable[[], float], url: str, node: str) -> Sharing:
    """What the gateways of the shared store at `url` have in common. Raises OSError or ValueError."""
    if url.partition(":")[0] in etcd.SCHEMES:
        return EtcdSharing(reactor, arena, etcd.read_address(url), node)
    return RedisSharing(reactor, arena, clock, read_address(url), node)
