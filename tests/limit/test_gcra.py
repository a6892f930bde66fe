"""gwt.limit.gcra: a bucket that drains."""

from __future__ import annotations

from math import inf

import pytest

from gwt.limit.gcra import LATEST, drained, retry_after, wait


def test_a_bucket_drains_by_its_rate_and_no_further() -> None:
    assert drained(5.0, 100.0, 2, 10, 101.0) == 3.0
    assert drained(5.0, 100.0, 2, 10, 200.0) == 0.0


def test_a_clock_read_earlier_counts_back() -> None:
    assert drained(5.0, 100.0, 2, 10, 99.5) == 6.0


@pytest.mark.parametrize(("level", "seconds"), [(0.0, 0.0), (3.0, 0.0), (3.5, 0.25), (4.0, 0.5)])
def test_a_request_passes_up_to_the_burst(level: float, seconds: float) -> None:
    assert wait(level, 2, 3) == seconds


def test_a_rate_of_nothing_lets_nothing_through() -> None:
    assert wait(0.0, 0, 100) == inf


def test_a_burst_that_is_lowered_does_not_shut_the_bucket() -> None:
    level = drained(1000.0, 100.0, 1, 0, 100.0)
    assert level == 1.0
    assert wait(level, 1, 0) == 1.0
    assert wait(drained(1000.0, 100.0, 1, 0, 101.0), 1, 0) == 0.0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0, 1), (0.001, 1), (1.0, 1), (1.001, 2), (59.5, 60), (1e9, LATEST), (inf, LATEST), (LATEST - 0.5, LATEST)],
)
def test_retry_after_is_in_whole_seconds(seconds: float, said: int) -> None:
    assert retry_after(seconds) == said
