"""The end of an exchange: counted, and logged."""

from __future__ import annotations

import time
from collections.abc import Callable

from gwt.accesslog import AccessLog
from gwt.metrics import Meters
from gwt.phase.exchange import Exchange


class Record:
    """An exchange as the access log asks for it (`gwt.logline.LogRecord`)."""

    __slots__ = ("_exchange", "bytes_in", "bytes_out", "client", "code", "duration", "host", "protocol", "request_id",
                 "status", "time", "tries", "upstream_seconds", "user")  # fmt: skip

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.time, self.duration, self.request_id = exchange.time, exchange.duration, exchange.request_id
        self.client, self.host, self.status = exchange.client, exchange.host, exchange.status
        self.bytes_in, self.bytes_out, self.tries = exchange.bytes_in, exchange.bytes_out, exchange.tries
        self.user, self.code, self.protocol = exchange.user, exchange.code, exchange.protocol
        self.upstream_seconds = exchange.upstream_seconds

    @property
    def method(self) -> bytes:
        return self._exchange.head.method

    @property
    def uri(self) -> bytes:
        return self._exchange.head.target

    @property
    def upstream(self) -> str | None:
        endpoint = self._exchange.endpoint
        return None if endpoint is None else str(endpoint.address)

    @property
    def route(self) -> str | None:
        leaf = self._exchange.leaf
        return None if leaf is None else str(leaf.route)

    @property
    def service(self) -> str | None:
        leaf = self._exchange.leaf
        return None if leaf is None else str(leaf.service)

    @property
    def path(self) -> str | None:
        leaf = self._exchange.leaf
        return None if leaf is None else str(leaf.path)

    @property
    def user_agent(self) -> bytes | None:
        return self._exchange.head.header(b"user-agent")

    @property
    def referer(self) -> bytes | None:
        return self._exchange.head.header(b"referer")

    @property
    def revision(self) -> int:
        snapshot = self._exchange.snapshot
        return 0 if snapshot is None else int(snapshot.revision)


class Finished:
    """Told of every exchange once. `access_log` may be replaced at any time; None = off."""

    def __init__(self, meters: Meters, access_log: AccessLog | None, clock: Callable[[], float]) -> None:
        self._meters, self.access_log, self._clock = meters, access_log, clock
        self._elsewhere = meters.leaf("-", "-")

    def __call__(self, exchange: Exchange) -> None:
        exchange.duration = seconds = self._clock() - exchange.started
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
            self.access_log.log(Record(exchange))
