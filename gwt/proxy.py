"""Proxy: what all exchanges share that go to an upstream; `Forward` is the story of one."""

from __future__ import annotations

from collections.abc import Callable

from gwt.forward import Forward
from gwt.leaf import Leaf
from gwt.phase.exchange import Exchange
from gwt.phase.ticker import Ticker
from gwt.shortcut import shortcut
from gwt.upstream.pool import Pools
from gwt.wire.forwarded import Ids


class Proxy:
    """What all exchanges share: pools, time, chance, and how many of them are under way.

    `live` exchanges now, `retrying` of them on a further try: at most max(3, 20 % of `live`).
    """

    __slots__ = ("clock", "ids", "live", "pools", "retries", "retrying", "ticker")

    def __init__(self, pools: Pools, ticker: Ticker, clock: Callable[[], float], ids: Ids) -> None:
        self.pools, self.ticker, self.clock, self.ids = pools, ticker, clock, ids
        self.live = 0
        self.retrying = 0
        self.retries = 0

    @shortcut("forward")
    def forward(self, exchange: Exchange, leaf: Leaf) -> None:
        """Answer `exchange` from the upstream of `leaf`."""
        Forward(self, exchange, leaf).start()
