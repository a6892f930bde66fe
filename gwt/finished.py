"""The end of an exchange: counted, and logged."""

from __future__ import annotations

import time
from collections.abc import Callable

from gwt.accesslog import AccessLog
from gwt.logline import LogRecord
from gwt.metrics import Meters
from gwt.phase.exchange import Exchange
from gwt.shortcut import shortcut


class Finished:
    """Told of every exchange once. `access_log` may be replaced at any time; None = off."""

    __slots__ = ("_clock", "_elsewhere", "_meters", "access_log")

    def __init__(self, meters: Meters, access_log: AccessLog | None, clock: Callable[[], float]) -> None:
        self._meters, self.access_log, self._clock = meters, access_log, clock
        self._elsewhere = meters.leaf("-", "-")

    @shortcut("finished")
    def __call__(self, exchange: Exchange) -> None:
        exchange.duration = seconds = self._clock() - exchange.started
        if exchange.phases is not None:
            exchange.phases.end()
        leaf = exchange.leaf
        if leaf is None:
            stats = self._elsewhere
        else:
            stats = leaf.stats
            if stats is None:
                stats = leaf.stats = self._meters.leaf(leaf.route, leaf.service)
        stats.done(exchange.status, seconds, exchange.bytes_in, exchange.bytes_out)
        if exchange.code is not None:
            self._meters.error(exchange.code)
        if self.access_log is not None:
            exchange.time = time.time() - seconds
            self.access_log.log(exchange)

    def connection(self, record: LogRecord) -> None:
        """The end of a connection of a stream."""
        if self.access_log is not None:
            self.access_log.log(record)
