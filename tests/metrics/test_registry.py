from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from gwt.metrics import Metrics, exposition
from gwt.metrics.family import Family


def samples(text: str) -> Iterator[tuple[str, tuple[str, ...], float]]:
    families: list[Metric] = list(text_string_to_metric_families(text))
    for family in families:
        for sample in family.samples:
            yield sample.name, tuple(sample.labels.values()), sample.value


def value(metrics: Metrics, name: str, *labels: str) -> float | None:
    return {(sample, values): number for sample, values, number in samples(exposition(metrics))}.get((name, labels))


def test_a_counter() -> None:
    metrics = Metrics.private()
    counter = metrics.counter("gwt_x_total", "X.", kind="a")
    counter.inc()
    counter.inc(4)
    counter.cells[counter.index] += 1
    metrics.counter("gwt_x_total", "X.", kind="a").inc()
    assert counter.value == 7
    assert value(metrics, "gwt_x_total", "a") == 7


def test_a_gauge() -> None:
    metrics = Metrics.private()
    gauge = metrics.gauge("gwt_x", "X.")
    gauge.inc(3)
    gauge.dec()
    assert value(metrics, "gwt_x") == 2
    gauge.set(-5)
    assert value(metrics, "gwt_x") == -5


def test_a_histogram() -> None:
    metrics = Metrics.private()
    histogram = metrics.histogram("gwt_x_seconds", "X.", (0.1, 1.0), kind="a")
    for seconds in (0.05, 0.1, 0.5, 7.0):
        histogram.observe(seconds)
    got = {values[-1]: number for name, values, number in samples(exposition(metrics)) if name.endswith("_bucket")}
    assert got == {"0.1": 2, "1.0": 3, "+Inf": 4}
    assert value(metrics, "gwt_x_seconds_sum", "a") == pytest.approx(7.65)
    assert value(metrics, "gwt_x_seconds_count", "a") == 4


def test_a_name_means_one_thing() -> None:
    metrics = Metrics.private()
    metrics.counter("gwt_x_total", "X.", a="1")
    with pytest.raises(ValueError, match="another metric"):
        metrics.gauge("gwt_x_total", "X.")
    with pytest.raises(ValueError, match="has the labels"):
        metrics.vector(Family("gwt_x_total", "counter", "X.", ("a",))).first("1", "2")


def test_label_sets_are_bounded() -> None:
    metrics = Metrics.private(cap=3)
    for number in range(10):
        metrics.counter("gwt_x_total", "X.", a=str(number)).inc()
    assert value(metrics, "gwt_x_total", "2") == 1
    assert value(metrics, "gwt_x_total", "3") is None
    assert value(metrics, "gwt_x_total", "other") == 7
    assert len(metrics.vector(Family("gwt_x_total", "counter", "X.", ("a",)))) == 4


def test_without_room_nothing_is_shown_and_nothing_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics.private()
    shown = metrics.counter("gwt_x_total", "X.", a="1")
    monkeypatch.setattr(metrics.store, "take", lambda count: 0)
    hidden = metrics.counter("gwt_x_total", "X.", a="2")
    hidden.inc()
    shown.inc()
    assert value(metrics, "gwt_x_total", "1") == 1
    assert value(metrics, "gwt_x_total", "2") is None
