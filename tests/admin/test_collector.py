"""gwt.admin.collector: what is known already is read off."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from admin.world import DOCUMENTS, World
from prometheus_client.parser import text_string_to_metric_families

from gwt.admin.collector import Collector
from gwt.admin.observed import Observed
from gwt.admin.watched import Dialled
from gwt.health import Health
from gwt.metrics import Meters, Metrics, exposition
from gwt.snapshot import Current
from gwt.steps import finish


def figures(metrics: Metrics) -> dict[str, float]:
    return {
        sample.name + "".join(f",{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(exposition(metrics))
        for sample in family.samples
    }


def test_all_figures() -> None:
    now = [100.0]
    metrics = Metrics.private()
    snapshot = World().put({"r.yaml": DOCUMENTS})
    state = snapshot.upstreams["foo/a:80"].endpoints[0].state
    state.requests, state.inflight = 5, 1
    health = Health(lambda: now[0])
    factory = SimpleNamespace(accepted=4, refused=1, connections=3, framed=2, calmed=1)
    proxy: Any = SimpleNamespace(live=2, retries=6)
    dialled = Dialled(None)
    dialled.connects = 2
    plugged: Any = None
    factories = {"proxy": factory, "service_proxy": factory}
    observed = Observed(Current(snapshot), health, Meters(metrics), proxy, factories, lambda: now[0], plugged)
    collector = Collector(observed, dialled, "Test")
    health.ready = True
    health.refreshed(1, 0)
    now[0] = 101.5
    health.failed("gone")
    now[0] = 103.5
    finish(collector.survey())
    got = figures(metrics)
    expected = {
        "gwt_connections_active": 6, "gwt_connections_accepted_total": 8, "gwt_connections_refused_total": 2,
        "gwt_http2_connections_total": 4, "gwt_http2_abusive_connections_total": 2,
        "gwt_requests_active": 2, "gwt_retries_total": 6, "gwt_upstream_connects_total": 2,
        "gwt_upstream_reuses_total": 3, "gwt_upstream_tries_total,foo/a:80": 5, "gwt_upstream_in_flight,foo/a:80": 1,
        "gwt_snapshot_age_seconds": 3.5, "gwt_store_failing_seconds": 2.0, "gwt_workers": 1, "gwt_workers_ready": 1,
        "gwt_routes": 1, "gwt_quarantined_documents": 2, "gwt_upstreams": 2, "gwt_endpoints": 3,
        "gwt_endpoints_ready": 2,
    }  # fmt: skip
    assert {name: got[name] for name in expected} == expected
    assert got["gwt_problems,error"] >= 2
    assert got["gwt_process_resident_memory_bytes"] > 1e6
    assert got["gwt_process_open_fds"] > 2
    assert got["gwt_process_cpu_seconds_total"] > 0
    assert any(name.startswith("gwt_build_info,") and name.endswith(",Test") for name in got)
    state.requests = dialled.connects = 9  # more connections than tries were seen of: nothing goes down
    health.draining, health.failing_since = True, None
    collector.publish()
    got = figures(metrics)
    assert (got["gwt_workers_ready"], got["gwt_store_failing_seconds"]) == (0, 0)
    finish(collector.survey())
    assert figures(metrics)["gwt_upstream_reuses_total"] == 3
