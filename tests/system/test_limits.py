"""Rate limits in real processes: the workers of one node, and gateways on one Redis that may go away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from limiter.cluster import excess, ideal
from system.limiting import Offer, Offering, Result
from system.redis import RedisServer

from gwt.limit.lease import LOST, Terms, terms

#: What a busy machine may keep from being used; the bench has 0.97 where there is time.
USED = 0.9
#: Seconds by which clocks are read earlier than what was read is used.
LATE = 0.02


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def admitted(workers: list[Result]) -> list[float]:
    """When what was admitted by these; nothing may have gone wrong."""
    assert [error for worker in workers for error in worker.errors] == []
    return sorted(time for worker in workers for time in worker.admitted)


def usable(workers: list[Result], rate: int, burst: int, seconds: float) -> float:
    """How many of the requests a limit would let through, had it all of them in one place.

    All are there in time unless the machine stood still.
    """
    offered = sorted(time for worker in workers for time in (*worker.admitted, *worker.refused))
    return min(rate * seconds, ideal(offered, rate, burst))


def untold(workers: list[Result], on: Terms) -> float:
    """What may pass besides while answers of Redis are late (tests/laws has the law): they never are, undisturbed."""
    late = any(worker.late for worker in workers)
    return 3 * (on.alone * LOST + on.alone_burst + 1) if late else 0.0


@pytest.mark.parametrize(("rate", "burst", "seconds"), [(1, 2, 4.0), (100, 20, 3.0), (5000, 1000, 3.0)])
def test_four_workers_let_through_what_one_would(rate: int, burst: int, seconds: float) -> None:
    with Offering(Offer(rate, burst, seconds), workers=4) as offering:
        workers = offering.results()[0]
    times = admitted(workers)
    assert excess(times, rate) <= burst + 1 + rate * LATE
    assert USED * usable(workers, rate, burst, seconds) <= len(times) <= rate * seconds + burst + 1
    assert sum(bool(worker.admitted) for worker in workers) > 1


@pytest.mark.parametrize(("rate", "burst", "seconds"), [(1, 2, 4.0), (100, 20, 4.0), (2000, 400, 4.0)])
def test_three_gateways_on_one_redis_keep_one_limit(redis: RedisServer, rate: int, burst: int, seconds: float) -> None:
    with Offering(Offer(rate, burst, seconds), workers=2, gateways=3, redis=redis.port) as offering:
        gateways = offering.results()
    workers = [worker for gateway in gateways for worker in gateway]
    times = admitted(workers)
    on = terms(rate, burst, 3)
    allowed = max(0.1 * rate, 3) * bool(on.credit) + untold(workers, on)
    assert excess(times, rate) <= burst + 1 + allowed + rate * LATE
    assert USED * usable(workers, rate, burst, seconds) <= len(times) <= rate * seconds + burst + 1 + allowed
    assert all(worker.events[0][1] == "up" for worker in workers)
    assert [key for key in redis.command("KEYS", "*") if not key.startswith(b"gwt:limit:{")] == []
    if rate >= 1000:
        assert sum(worker.questions for worker in workers) < 0.1 * sum(worker.requests for worker in workers)


def kill(redis: RedisServer, until: Callable[[], None]) -> float:
    """When it began to come back."""
    redis.stop()
    until()
    back = time.monotonic()
    redis.start()
    return back


def freeze(redis: RedisServer, until: Callable[[], None]) -> float:
    """When it began to come back."""
    with redis.frozen():
        until()
        return time.monotonic()


@pytest.mark.parametrize("how", [kill, freeze])
def test_redis_goes_and_comes_back(redis: RedisServer, how: Callable[[RedisServer, Callable[[], None]], float]) -> None:
    """Gone from the 2nd to the 5th of 8 seconds."""
    rate, burst = 600, 60
    with Offering(Offer(rate, burst, 8.0), workers=2, gateways=3, redis=redis.port) as offering:
        sleep_until(offering.begin + 2)
        begin = time.monotonic()
        back = how(redis, lambda: sleep_until(begin + 3))
        end = time.monotonic()
        gateways = offering.results()
    workers = [worker for gateway in gateways for worker in gateway]
    times = admitted(workers)
    on = terms(rate, burst, 3)
    for gateway in gateways:
        alone = [time for time in admitted(gateway) if begin + 0.5 < time < end]
        assert excess(alone, on.alone) <= on.alone_burst + 1 + on.alone * LATE
    assert len(times) >= USED * usable(workers, rate, burst, 8)
    assert excess(times, rate) <= burst + 1 + 0.1 * rate + 3 + rate * LATE
    for worker in workers:
        assert all(worker.passed(*one) < 0.5 for one in worker.waits)
        early = [what for moment, what in worker.events if worker.passed(begin, moment) < 1.0]
        assert early[-1] == "lost", worker.events
        ups = [moment for moment, what in worker.events if what == "up"]
        assert any(back < moment and worker.passed(end, moment) < 2.0 for moment in ups), worker.events


def sleep_until(moment: float) -> None:
    """The outage has a length; there is no event to wait for."""
    time.sleep(max(0.0, moment - time.monotonic()))
