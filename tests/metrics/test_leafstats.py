from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from gwt.metrics import Metrics, exposition
from gwt.metrics.leafstats import CODES, SECONDS, LeafStats, LeafStatsTable


def read(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(exposition(metrics))
        for sample in family.samples
        if sample.name == name
    }


def test_a_request_is_counted() -> None:
    metrics = Metrics.private()
    stats = LeafStats(metrics, "foo", "foo-service")
    stats.done(200, 0.003, 10, 600)
    stats.done(200, 0.3, 0, 400)
    stats.done(502, 0.001, 5, 0)
    by = ("foo", "foo-service")
    assert read(metrics, "gwt_requests_total") == {(*by, "2xx", "200"): 2, (*by, "5xx", "502"): 1}
    assert read(metrics, "gwt_request_bytes_total") == {by: 15}
    assert read(metrics, "gwt_response_bytes_total") == {by: 1000}
    buckets = read(metrics, "gwt_request_duration_seconds_bucket")
    assert len(buckets) == len(SECONDS) + 1
    assert [buckets[(*by, bound)] for bound in ("0.001", "0.005", "0.25", "0.5", "+Inf")] == [1, 2, 2, 3, 3]
    assert round(read(metrics, "gwt_request_duration_seconds_sum")[by], 9) == 0.304


def test_slower_than_all_bounds_and_no_time_at_all() -> None:
    metrics = Metrics.private()
    stats = LeafStats(metrics, "foo", "s")
    stats.done(200, 1e9, 0, 0)
    stats.done(200, 0.0, 0, 0)
    buckets = read(metrics, "gwt_request_duration_seconds_bucket")
    assert buckets["foo", "s", "+Inf"] == 2
    assert buckets["foo", "s", "60.0"] == 1


def test_an_upstream_that_makes_up_codes() -> None:
    metrics = Metrics.private()
    stats = LeafStats(metrics, "foo", "s")
    for status in range(100, 1000):
        stats.done(status, 0.01, 0, 0)
    counted = read(metrics, "gwt_requests_total")
    assert len(counted) <= CODES + 6
    assert sum(counted.values()) == 900
    assert counted["foo", "s", "5xx", "other"] == 100
    assert counted["foo", "s", "other", "other"] == 400


def test_two_handles_of_one_pair_count_together() -> None:
    metrics = Metrics.private()
    for _ in range(2):
        LeafStats(metrics, "foo", "s").done(200, 0.01, 1, 1)
    assert read(metrics, "gwt_requests_total") == {("foo", "s", "2xx", "200"): 2}


def test_the_table_is_bounded() -> None:
    metrics = Metrics.private(cap=5)
    table = LeafStatsTable(metrics)
    assert table.get("0", "s") is table.get("0", "s")
    for number in range(20):
        table.get(str(number), "s").done(200, 0.01, 0, 0)
    counted = read(metrics, "gwt_requests_total")
    assert len(counted) == 6
    assert counted["4", "s", "2xx", "200"] == 1
    assert counted["other", "other", "2xx", "200"] == 15
