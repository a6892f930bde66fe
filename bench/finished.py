"""What the end of an exchange costs, counted and logged: `python bench/finished.py`, in µs.

The access log goes to a file; its writes, in batches, are included.
"""

from __future__ import annotations

import tempfile
import time
import timeit
from types import SimpleNamespace
from typing import Any

from twisted.internet.task import Clock

from gwt.accesslog import AccessLog
from gwt.finished import Finished
from gwt.metrics import Meters, Metrics
from gwt.phase.exchange import Exchange
from gwt.wire.request import parse_request

HEAD = (
    b"GET /api/v1/users/12 HTTP/1.1\r\nHost: h7.example.com\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0\r\n"
    b"Accept: text/html\r\nReferer: https://www.example.com/page/12"
)


def an_exchange() -> Exchange:
    """An exchange that was answered by an upstream."""
    exchange = Exchange(parse_request(HEAD, 100))
    leaf = SimpleNamespace(route="foo", service="foo-service", path="/api", stats=None)
    exchange.leaf, exchange.snapshot = leaf, SimpleNamespace(revision=17)
    exchange.endpoint = SimpleNamespace(address="10.0.0.1:8080")
    exchange.host, exchange.client = b"h7.example.com", "10.1.2.3"
    exchange.request_id = b"0123456789abcdef0123456789abcdef"
    exchange.status, exchange.bytes_out, exchange.tries, exchange.upstream_seconds = 200, 612, 1, 0.003
    exchange.started = time.monotonic()
    return exchange


def best(call: Any, number: int = 5000, repeat: int = 40) -> float:
    """The lowest cost of one call, in µs, less that of calling anything."""
    empty = min(timeit.repeat(lambda: None, number=number, repeat=repeat))
    return (min(timeit.repeat(call, number=number, repeat=repeat)) - empty) / number * 1e6


def main() -> None:
    """Measure."""
    exchange = an_exchange()
    for form in (None, "json", "combined"):
        with tempfile.NamedTemporaryFile() as file:
            log = None if form is None else AccessLog(file.name, form, Clock())
            finished = Finished(Meters(Metrics.private()), log, time.monotonic)
            print(f"{form or 'counted only':14}{best(lambda: finished(exchange)):6.2f} µs")  # noqa: B023
            if log is not None:
                log.close()


if __name__ == "__main__":
    main()
