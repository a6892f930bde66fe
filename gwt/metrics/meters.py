"""Meters: everything that the gateway itself counts, by name."""

from __future__ import annotations

from gwt.metrics.leafstats import LeafStats, LeafStatsTable
from gwt.metrics.registry import OTHER, Counter, Metrics


class UpstreamStats:
    """What is counted of one service: `tries` (requests sent to an endpoint), `failures` of them, `in_flight` now."""

    __slots__ = ("failures", "in_flight", "tries")

    def __init__(self, metrics: Metrics, upstream: str) -> None:
        self.tries = metrics.counter(
            "gwt_upstream_tries_total", "Requests sent to endpoints of a service, further tries included.",
            upstream=upstream,
        )  # fmt: skip
        self.failures = metrics.counter(
            "gwt_upstream_failures_total", "Tries that ended without an answer.", upstream=upstream
        )
        self.in_flight = metrics.gauge(
            "gwt_upstream_in_flight", "Requests that a service is answering now.", upstream=upstream
        )


class StreamStats:
    """What is counted of the connections of one (route, service): those that are `open`, and bytes both ways."""

    __slots__ = ("_codes", "_metrics", "_of", "bytes_in", "bytes_out", "open")

    def __init__(self, metrics: Metrics, route: str, service: str) -> None:
        self._metrics, self._of = metrics, (route, service)
        self._codes: dict[str, Counter] = {}
        self.open = metrics.gauge(
            "gwt_stream_connections_active", "Connections that a stream carries.", route=route, service=service
        )
        self.bytes_in = metrics.counter(
            "gwt_stream_received_bytes_total", "Bytes from clients of a stream.", route=route, service=service
        )
        self.bytes_out = metrics.counter(
            "gwt_stream_sent_bytes_total", "Bytes to clients of a stream.", route=route, service=service
        )

    def ended(self, code: str) -> None:
        """A connection is over: `ok`, or the error that ended it."""
        counter = self._codes.get(code)
        if counter is None:
            route, service = self._of
            counter = self._codes[code] = self._metrics.counter(
                "gwt_stream_connections_total", "Connections of streams that have ended, by what ended them.",
                route=route, service=service, code=code,
            )  # fmt: skip
        counter.inc()


class Meters:
    """The gateway's own metrics in one process. What carries labels is made at its first use."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._leaves = LeafStatsTable(metrics)
        self._upstreams: dict[str, UpstreamStats] = {}
        self._streams: dict[tuple[str, str], StreamStats] = {}
        self._errors: dict[str, Counter] = {}
        counter, gauge = metrics.counter, metrics.gauge
        self.connections_active = gauge("gwt_connections_active", "Client connections that are open.")
        self.connections_accepted = counter("gwt_connections_accepted_total", "Client connections accepted.")
        self.connections_refused = counter("gwt_connections_refused_total", "Client connections beyond the limit.")
        self.http2_accepted = counter("gwt_http2_connections_total", "Client connections that spoke HTTP/2.")
        self.http2_calmed = counter(
            "gwt_http2_abusive_connections_total", "HTTP/2 connections ended because they cost too much."
        )
        self.log_lines_written = counter("gwt_access_log_lines_total", "Access log lines written.")
        self.log_lines_dropped = counter("gwt_access_log_dropped_total", "Access log lines that could not be written.")
        self.worker_restarts = counter("gwt_worker_restarts_total", "Workers replaced because they died.")

    def leaf(self, route: str, service: str) -> LeafStats:
        """The handle for requests of (route, service). Keep it: asking costs more than counting."""
        return self._leaves.get(route, service)

    def upstream(self, key: str) -> UpstreamStats:
        """The handle for the service with this key. Keep it."""
        stats = self._upstreams.get(key)
        if stats is None:
            if len(self._upstreams) >= self.metrics.cap and key != OTHER:
                return self.upstream(OTHER)
            stats = self._upstreams[key] = UpstreamStats(self.metrics, key)
        return stats

    def stream(self, route: str, service: str) -> StreamStats:
        """The handle for connections of (route, service). Keep it."""
        stats = self._streams.get((route, service))
        if stats is None:
            if len(self._streams) >= self.metrics.cap and route != OTHER:
                return self.stream(OTHER, OTHER)
            stats = self._streams[route, service] = StreamStats(self.metrics, route, service)
        return stats

    def error(self, code: str) -> None:
        """The gateway itself answered with the error `code` (a key of `errors.KINDS`)."""
        counter = self._errors.get(code)
        if counter is None:
            counter = self._errors[code] = self.metrics.counter(
                "gwt_errors_total", "Errors answered by the gateway itself.", code=code
            )
        counter.inc()

    def proxy_header_refused(self, why: str) -> None:
        """A PROXY header was not believed (`untrusted`), or its connection cut (`malformed`, `timeout`)."""
        help = "PROXY headers that were not believed, wrong or late."
        self.metrics.counter("gwt_proxy_header_refused_total", help, reason=why).inc()

    def plugin_failed(self, plugin: str) -> None:
        """A plugin raised what it should not have."""
        self.metrics.counter("gwt_plugin_failures_total", "Failures of plugins.", plugin=plugin).inc()

    def would_reject(self, plugin: str, route: str) -> None:
        """A plugin in report mode would have refused a request of this route."""
        help = "Requests that plugins in report mode would have refused."
        self.metrics.counter("gwt_would_reject_total", help, plugin=plugin, route=route).inc()

    def snapshot(self, revision: int) -> None:
        """`revision` is in force here. Over all workers the lowest is shown: what is in force everywhere."""
        self.metrics.gauge("gwt_snapshot_revision", "The revision in force in all workers.", "min").set(revision)

    def quarantined(self, documents: int) -> None:
        """So many documents can't be used as they were written."""
        help = "Documents that can't be used as they were written."
        self.metrics.gauge("gwt_quarantined_documents", help, "max").set(documents)

    def refresh(self, result: str) -> None:
        """A pull from the store ended: `unchanged`, `applied` or `failed`."""
        self.metrics.counter("gwt_refreshes_total", "Pulls from the store, by result.", result=result).inc()

    def worker_restarted(self) -> None:
        """For the supervisor: a worker that died was replaced."""
        self.worker_restarts.inc()
