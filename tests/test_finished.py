"""gwt.finished: an exchange that ends is counted under its leaf and logged once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from gwt.finished import Finished
from gwt.logline import format_json
from gwt.metrics import Meters, Metrics, exposition
from gwt.phase.exchange import Exchange


class Log:
    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def log(self, record: Any) -> None:
        self.lines.append(format_json(record))


def an_exchange(leaf: Any, code: str | None = None) -> Exchange:
    head = SimpleNamespace(method=b"GET", target=b"/x?y=1", user_agent=b"curl", referer=None)
    exchange = Exchange(head)  # type: ignore[arg-type]
    exchange.leaf, exchange.code, exchange.status, exchange.started = leaf, code, 200 if code is None else 404, 5.0
    exchange.host, exchange.client, exchange.request_id, exchange.bytes_out = b"h", "10.0.0.1", b"id", 7
    return exchange


def test_it_is_counted_and_logged() -> None:
    metrics, log = Metrics.private(), Log()
    finished = Finished(Meters(metrics), log, lambda: 5.25)  # type: ignore[arg-type]
    leaf = SimpleNamespace(route="shop", service="api", path="/x", stats=None)
    for exchange in (an_exchange(leaf), an_exchange(leaf), an_exchange(None, "no_route")):
        finished(exchange)
        assert exchange.duration == 0.25
    text = exposition(metrics)
    assert 'gwt_requests_total{route="shop",service="api",class="2xx",code="200"} 2' in text
    assert 'gwt_errors_total{code="no_route"} 1' in text
    assert len(log.lines) == 3
    assert b'"route":"shop","service":"api","path":"/x"' in log.lines[0]
    assert b'"uri":"/x?y=1"' in log.lines[0]
    assert b'"code":"no_route"' in log.lines[2]


def test_the_log_may_be_off() -> None:
    finished = Finished(Meters(Metrics.private()), None, lambda: 5.0)
    finished(an_exchange(None))


def test_plugins_hear_of_the_end_before_it_is_logged() -> None:
    log, ended = Log(), []

    class Phases:
        def __init__(self, exchange: Exchange) -> None:
            self.exchange = exchange

        def end(self) -> None:
            ended.append((self.exchange.duration, len(log.lines)))

    exchange = an_exchange(None)
    exchange.phases = Phases(exchange)
    Finished(Meters(Metrics.private()), log, lambda: 5.25)(exchange)  # type: ignore[arg-type]
    assert ended == [(0.25, 0)]
