"""What work costs, on a machine that has other things to do too."""

from __future__ import annotations

import time
from collections.abc import Callable


def least(work: Callable[[], object], times: int = 3) -> float:
    """Seconds of CPU that `work` takes: the best of some, for what is slow is slow each time."""
    best = 99.0
    for _ in range(times):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best
