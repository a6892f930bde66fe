"""LeafStats: what is counted of every request, by route and service."""

from __future__ import annotations

from bisect import bisect_left

from gwt.metrics.family import Family
from gwt.metrics.registry import CAP, OTHER, Metrics

#: Upper bounds of the latency buckets, in seconds.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
#: So many status codes of a service are told apart; further ones are counted as `other` of their class.
CODES = 16

_BY = ("route", "service")
REQUESTS = Family("gwt_requests_total", "counter", "Requests answered.", (*_BY, "class", "code"))
LATENCY = Family(
    "gwt_request_duration_seconds", "histogram", "From the request to the end of its answer.", _BY, SECONDS
)
BYTES_IN = Family("gwt_request_bytes_total", "counter", "Bytes received of requests.", _BY)
BYTES_OUT = Family("gwt_response_bytes_total", "counter", "Bytes sent of answers.", _BY)


class LeafStats:
    """The handle of one (route, service); all leaves of the two may share it."""

    __slots__ = ("_cells", "_codes", "_first", "_floats", "_in", "_out", "_requests", "_sum", "_values")

    def __init__(self, metrics: Metrics, route: str, service: str) -> None:
        self._cells, self._floats = metrics.store.cells, metrics.store.floats
        self._values = (route, service)
        self._requests = metrics.vector(REQUESTS, metrics.cap * (CODES + 5))
        self._codes: dict[int, int] = {}
        self._first = metrics.vector(LATENCY).first(route, service)
        self._sum = self._first + len(SECONDS) + 1
        self._in = metrics.vector(BYTES_IN).first(route, service)
        self._out = metrics.vector(BYTES_OUT).first(route, service)

    def done(self, status: int, seconds: float, bytes_in: int, bytes_out: int) -> None:
        """A request was answered with `status`, `seconds` after it had begun."""
        cells = self._cells
        index = self._codes.get(status)
        cells[self._code(status) if index is None else index] += 1
        cells[self._first + bisect_left(SECONDS, seconds)] += 1
        self._floats[self._sum] += seconds
        if bytes_in:
            cells[self._in] += bytes_in
        cells[self._out] += bytes_out

    def _code(self, status: int) -> int:
        """The cell of a status that is counted for the first time."""
        kind = f"{status // 100}xx" if 100 <= status <= 599 else OTHER
        if len(self._codes) < CODES:
            index = self._codes[status] = self._requests.first(*self._values, kind, str(status))
            return index
        return self._requests.first(*self._values, kind, OTHER)


class LeafStatsTable:
    """The LeafStats of the routes that have had a request; beyond the cap all others share one."""

    def __init__(self, metrics: Metrics, cap: int | None = None) -> None:
        self._metrics = metrics
        self._cap = (metrics.cap or CAP) if cap is None else cap
        self._known: dict[tuple[str, str], LeafStats] = {}

    def get(self, route: str, service: str) -> LeafStats:
        """The handle of (route, service), made now if there is none."""
        stats = self._known.get((route, service))
        if stats is None:
            if len(self._known) >= self._cap and (route, service) != (OTHER, OTHER):
                return self.get(OTHER, OTHER)
            stats = self._known[route, service] = LeafStats(self._metrics, route, service)
        return stats
