"""What counting and logging a request costs, in µs and in increments of a cell: `python bench/counting.py`."""

from __future__ import annotations

import tempfile
import time
import timeit
from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.task import Clock

from gwt.accesslog import AccessLog
from gwt.logline import format_combined, format_json
from gwt.metrics import Meters, Metrics, exposition_parts


@dataclass(slots=True)
class Record:
    time: float = 1767323045.678
    request_id: bytes = b"0123456789abcdef0123456789abcdef"
    client: str = "10.1.2.3"
    method: bytes = b"GET"
    host: bytes = b"foo.example.com"
    uri: bytes = b"/headers/x"
    status: int = 200
    bytes_in: int = 0
    bytes_out: int = 612
    duration: float = 0.0034567
    upstream: str | None = "10.0.0.1:8080"
    upstream_seconds: float | None = 0.003
    tries: int = 1
    route: str | None = "foo"
    service: str | None = "foo-service"
    path_uri: str | None = "/headers"
    user: str | None = None
    code: str | None = None
    protocol: str = "HTTP/1.1"
    user_agent: bytes | None = b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0"
    referer: bytes | None = None
    revision: int = 17


def best(call: Callable[[], object], number: int = 2000, repeat: int = 50) -> float:
    """The lowest cost of one call, in µs, less that of calling anything."""
    empty = min(timeit.repeat(lambda: None, number=number, repeat=repeat))
    return (min(timeit.repeat(call, number=number, repeat=repeat)) - empty) / number * 1e6


def main() -> None:
    metrics = Metrics.private()
    meters = Meters(metrics)
    stats = meters.leaf("foo", "foo-service")
    cells = metrics.cells
    plain, query = Record(), Record(uri=b"/headers/x?a=1&b=2")

    def increment() -> None:
        cells[7] += 1

    unit = best(increment)

    def show(name: str, call: Callable[[], object]) -> None:
        cost = best(call)
        print(f"{name:34}{cost:8.2f} µs{cost / unit:8.1f} x")

    show("cells[i] += 1", increment)
    show("LeafStats.done", lambda: stats.done(200, 0.003, 0, 612))
    show("format_json", lambda: format_json(plain))
    show("format_json, with a query", lambda: format_json(query))
    show("format_combined", lambda: format_combined(plain))
    show("format_combined, with a query", lambda: format_combined(query))
    with tempfile.NamedTemporaryFile() as file:
        log = AccessLog(file.name, "json", Clock())
        show("AccessLog.log, json, writes included", lambda: log.log(plain))
        log.close()
    scrape(2000)


def scrape(routes: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        meters = Meters(Metrics.shared(directory))
        for number in range(routes):
            meters.leaf(f"route-{number}", "service").done(200, 0.003, 0, 612)
        size, longest, last = 0, 0.0, time.perf_counter()
        begin = last
        for part in exposition_parts(directory):
            size += len(part)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        print(f"scrape of {routes} routes: {size} bytes in {(last - begin) * 1e3:.0f} ms, ", end="")
        print(f"no part over {longest * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
