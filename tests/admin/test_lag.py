"""gwt.admin.lag: how late the event loop comes."""

from __future__ import annotations

from twisted.internet.task import Clock

from gwt.admin.lag import EVERY, LOOKS, Lag
from gwt.metrics import Metrics, exposition


def test_the_worst_of_a_second_is_shown_and_counted() -> None:
    clock, metrics = Clock(), Metrics.private()
    lag = Lag(clock, metrics)
    lag.start()
    clock.advance(EVERY + 0.03)  # one look comes late
    for _ in range(LOOKS - 1):
        clock.advance(EVERY)
    text = exposition(metrics)
    assert "gwt_event_loop_lag_seconds 0.03" in text or "gwt_event_loop_lag_seconds 0.029999" in text
    assert 'gwt_event_loop_stall_seconds_bucket{le="0.025"} 0' in text
    assert 'gwt_event_loop_stall_seconds_bucket{le="0.05"} 1' in text
    for _ in range(LOOKS):
        clock.advance(EVERY)
    assert "gwt_event_loop_stall_seconds_count 2" in exposition(metrics)
    lag.stop()
    assert not clock.getDelayedCalls()
