from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from gwt.errors import KINDS
from gwt.metrics import Meters, Metrics, exposition


def read(meters: Meters) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(exposition(meters.metrics))
        for sample in family.samples
    }


def test_all_that_the_gateway_counts() -> None:
    meters = Meters(Metrics.private())
    meters.connections_accepted.inc(3)
    meters.connections_active.inc(3)
    meters.connections_active.dec()
    meters.connections_refused.inc()
    meters.log_lines_dropped.inc(7)
    meters.log_lines_written.inc(8)
    meters.error("no_route")
    meters.error("no_route")
    meters.snapshot(17)
    meters.quarantined(2)
    meters.refresh("applied")
    meters.worker_restarted()
    upstream = meters.upstream("foo/a:80")
    for counter in (upstream.tries, upstream.failures, upstream.in_flight):
        counter.inc()
    meters.leaf("foo", "a").done(200, 0.1, 0, 0)
    got = read(meters)
    expected = {
        ("gwt_connections_accepted_total",): 3,
        ("gwt_connections_active",): 2,
        ("gwt_connections_refused_total",): 1,
        ("gwt_access_log_dropped_total",): 7,
        ("gwt_access_log_lines_total",): 8,
        ("gwt_errors_total", "no_route"): 2,
        ("gwt_snapshot_revision",): 17,
        ("gwt_quarantined_documents",): 2,
        ("gwt_refreshes_total", "applied"): 1,
        ("gwt_worker_restarts_total",): 1,
        ("gwt_upstream_tries_total", "foo/a:80"): 1,
        ("gwt_upstream_failures_total", "foo/a:80"): 1,
        ("gwt_upstream_in_flight", "foo/a:80"): 1,
        ("gwt_requests_total", "foo", "a", "2xx", "200"): 1,
    }
    assert expected.items() <= got.items()


def test_everything_is_the_gateways() -> None:
    meters = Meters(Metrics.private())
    for code in KINDS:
        meters.error(code)
    assert all(name.startswith("gwt_") for name, *_ in read(meters))


def test_handles_are_kept_and_bounded() -> None:
    meters = Meters(Metrics.private(cap=2))
    assert meters.upstream("a") is meters.upstream("a")
    assert meters.leaf("a", "s") is meters.leaf("a", "s")
    meters.upstream("b")
    assert meters.upstream("c") is meters.upstream("d") is meters.upstream("other")


def test_routes_without_a_request_cost_nothing() -> None:
    meters = Meters(Metrics.private())
    assert "gwt_requests_total" not in exposition(meters.metrics)
