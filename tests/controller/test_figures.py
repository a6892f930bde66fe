from __future__ import annotations

from gwt.controller.figures import Figures
from gwt.metrics import Metrics, exposition


def test_what_is_counted_is_shown() -> None:
    figures = Figures(Metrics.private())
    figures.committed("services", 3, 0.03)
    figures.error("store")
    figures.followed("services", 2, 1, 5000, 1.5)
    figures.leader.set(1)
    text = exposition(figures.metrics)
    for line in (
        'gwt_controller_commits_total{part="services"} 1',
        'gwt_controller_entries_total{part="services"} 3',
        'gwt_controller_lag_seconds_bucket{part="services",le="0.05"} 1',
        'gwt_controller_errors_total{kind="store"} 1',
        'gwt_controller_objects{resource="services"} 5000',
        'gwt_controller_silent_seconds{resource="services"} 1.5',
        "gwt_controller_leader 1",
    ):
        assert line in text
