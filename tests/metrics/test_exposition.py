from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from gwt.metrics import Meters, Metrics, exposition, exposition_parts
from gwt.metrics.family import clean_value


def test_the_text() -> None:
    metrics = Metrics.private()
    metrics.counter("gwt_b_total", "Bs.", kind='a"\\\n').inc(2)
    metrics.histogram("gwt_a_seconds", "As.", (0.5,)).observe(0.25)
    assert exposition(metrics) == (
        "# HELP gwt_a_seconds As.\n"
        "# TYPE gwt_a_seconds histogram\n"
        'gwt_a_seconds_bucket{le="0.5"} 1\n'
        'gwt_a_seconds_bucket{le="+Inf"} 1\n'
        "gwt_a_seconds_sum 0.25\n"
        "gwt_a_seconds_count 1\n"
        "# HELP gwt_b_total Bs.\n"
        "# TYPE gwt_b_total counter\n"
        'gwt_b_total{kind="a\\"\\\\\\n"} 2\n'
    )


def test_a_scale_shows_parts_of_one() -> None:
    metrics = Metrics.private()
    metrics.gauge("gwt_a_seconds", "As.", "max", 1000).set(1500)
    metrics.counter("gwt_b_seconds_total", "Bs.", 1000).inc(250)
    assert "gwt_a_seconds 1.5\n" in exposition(metrics)
    assert "gwt_b_seconds_total 0.25\n" in exposition(metrics)


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=30), min_size=1, max_size=5, unique=True))
def test_any_label_can_be_read_back(values: list[str]) -> None:
    metrics = Metrics.private()
    for value in values:
        metrics.counter("gwt_x_total", "X.", a=value).inc()
    text = exposition(metrics)
    text.encode()
    # The parser splits lines as Prometheus does, at newlines only.
    (family,) = text_string_to_metric_families(text)
    assert {sample.labels["a"] for sample in family.samples} == set(map(clean_value, values))


def test_it_comes_in_parts(tmp_path: Path) -> None:
    for metrics in (Metrics.private(), Metrics.shared(tmp_path)):
        meters = Meters(metrics)
        for number in range(500):
            meters.leaf(f"route-{number}", "s").done(200, 0.01, 0, 0)
        parts = list(exposition_parts(metrics))
        assert len(parts) > 15
        assert "".join(parts) == exposition(metrics)
        assert max(map(len, parts)) < 500_000


def test_every_name_has_help_and_type_once(tmp_path: Path) -> None:
    meters = Meters(Metrics.shared(tmp_path))
    meters.leaf("a", "s").done(200, 0.01, 0, 0)
    meters.leaf("b", "s").done(404, 0.01, 0, 0)
    text = exposition(tmp_path)
    for what in ("HELP", "TYPE"):
        names = re.findall(rf"^# {what} (\S+) \S", text, re.M)
        assert len(names) == len(set(names)) > 5
