"""gwt.sharing: limits and presence hang on one store."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from gwt.limiter.cluster import ClusterLimiter
from gwt.limiter.node import NodeLimiter
from gwt.sharing import sharing
from gwt.zones.arena import PrivateArena


@pytest.mark.parametrize(
    ("url", "kind"), [("redis://127.0.0.1:1", ClusterLimiter), ("etcd://127.0.0.1:1", NodeLimiter)]
)
def test_how_many_gateways_there_are_is_told_to_the_limiter(url: str, kind: type[Any]) -> None:
    reactor: Any = MemoryReactorClock()
    one: Any = sharing(reactor, PrivateArena(), reactor.seconds, url, "node")
    assert isinstance(one.limiter, kind) and one.limiter.gateways == 1
    one._counted(4)
    assert one.limiter.gateways == 4
    one.start()
    assert one.stop().called


def test_an_address_that_can_t_be_used() -> None:
    reactor: Any = MemoryReactorClock()
    with pytest.raises(ValueError):
        sharing(reactor, PrivateArena(), reactor.seconds, "etcd://", "node")
