"""gwt.limiter.script, run by a real Redis. Buckets drain so slowly that a busy machine makes no difference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from limiter.cluster import Redis
from system.redis import RedisServer

from gwt.limit.lease import Question, terms
from gwt.limiter.script import SCRIPT, SHA, arguments, redis_key

KEY = b"gwt:limit:{test}"
#: A second of the limits here takes so many.
SLOW = 1000.0


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
def redis(server: RedisServer) -> RedisServer:
    server.command("FLUSHALL")
    return server


def run(
    redis: RedisServer, wanted: int, told: int = 0, perhaps: int = 0, rate: int = 1, burst: int = 5, gateways: int = 3
) -> Any:
    """(granted, level)."""
    on = terms(rate, burst, gateways)
    given = arguments(on._replace(drain=on.drain / SLOW), gateways, Question(0.0, wanted, told, perhaps))
    granted, level = redis.command("EVAL", SCRIPT, 1, KEY, *given)
    return granted, pytest.approx(float(level), abs=0.02)


def state(redis: RedisServer) -> tuple[float, float]:
    """The level, and how long ago it was that."""
    level, last = redis.command("GET", KEY).split()
    return float(level), (now(redis) - int(last) / 1e6) / SLOW


def now(redis: RedisServer) -> float:
    seconds, micros = redis.command("TIME")
    return int(seconds) + int(micros) / 1e6


def put(redis: RedisServer, level: float, ago: float) -> None:
    redis.command("SET", KEY, f"{level} {(now(redis) - ago * SLOW) * 1e6:.0f}")


def test_the_burst_passes_and_no_more(redis: RedisServer) -> None:
    assert run(redis, 4) == (4, 4.0)
    assert run(redis, 4) == (2, 6.0)
    assert run(redis, 1) == (0, 6.0)


def test_it_drains(redis: RedisServer) -> None:
    put(redis, 6.0, ago=2.5)
    assert run(redis, 10) == (2, 5.5)


def test_a_bucket_goes_when_it_has_drained(redis: RedisServer) -> None:
    run(redis, 5)
    assert redis.command("TYPE", KEY) == b"string"
    assert 4.9 * SLOW < redis.command("TTL", KEY) <= 5 * SLOW + 1


def test_what_has_passed_already_is_added_without_asking(redis: RedisServer) -> None:
    put(redis, 6.0, ago=0.0)
    assert run(redis, 1, told=2) == (0, 8.0)


def test_there_is_an_end_to_what_is_added(redis: RedisServer) -> None:
    assert run(redis, 0, told=1000) == (0, 6.0 + 3 + 1)
    redis.command("DEL", KEY)
    assert run(redis, 0, told=1000, rate=400, burst=0) == (0, 1 + 3 * 6 + 3 + 100)


@pytest.mark.parametrize(("level", "after"), [(0.0, 0.0), (3.0, 3.0), (4.5, 5.5), (6.0, 8.0), (8.0, 10.0)])
def test_what_perhaps_has_drained_is_added_where_the_bucket_is_in_use(
    redis: RedisServer, level: float, after: float
) -> None:
    put(redis, level, ago=0.0)
    assert run(redis, 0, perhaps=2) == (0, after)


def test_leases_are_let_through_beyond_the_burst(redis: RedisServer) -> None:
    on = terms(1000, 0, 3)
    assert run(redis, 100, rate=1000, burst=0)[0] == on.over + 1


def test_a_limit_that_is_lowered_does_not_shut_the_bucket(redis: RedisServer) -> None:
    put(redis, 1000.0, ago=0.0)
    assert run(redis, 1, burst=0) == (0, 1.0 + 3 + 1)


def test_a_clock_that_was_set_back_neither_shuts_nor_opens(redis: RedisServer) -> None:
    put(redis, 4.0, ago=-3600.0)
    assert run(redis, 10) == (2, 6.0)
    assert state(redis) == pytest.approx((6.0, 0.0), abs=0.02)


@pytest.mark.parametrize("rubbish", ["", "x", "1", "one two", "nan 5", "-7 0", "1 2 3"])
def test_rubbish_counts_as_nothing(redis: RedisServer, rubbish: str) -> None:
    redis.command("SET", KEY, rubbish)
    assert run(redis, 3) == (3, 3.0)


def test_another_type_is_written_over(redis: RedisServer) -> None:
    redis.command("HSET", KEY, "a", "b")
    assert run(redis, 3) == (3, 3.0)
    assert state(redis)[0] == 3.0


def test_it_is_known_by_its_hash(redis: RedisServer) -> None:
    assert redis.command("SCRIPT", "LOAD", SCRIPT) == SHA


@pytest.mark.parametrize("level", [0.0, 2.25, 5.5, 9.0, 40.0])
@pytest.mark.parametrize("ago", [-5.0, 0.0, 3.5])
@pytest.mark.parametrize("numbers", [(0, 1, 0), (1, 0, 0), (3, 1, 2), (100, 0, 7), (0, 0, 0)])
def test_the_simulation_reckons_alike(
    redis: RedisServer, level: float, ago: float, numbers: tuple[int, int, int]
) -> None:
    model = Redis(lambda: 100.0)
    model.buckets[KEY] = level, 100.0 - ago
    put(redis, level, ago)
    assert run(redis, *numbers) == model.run(KEY, arguments(terms(1, 5, 3), 3, Question(0.0, *numbers)))


def test_short_keys_are_readable() -> None:
    assert redis_key("gwt", b"route:r ip 10.1.2.3") == b"gwt:limit:{route:r ip 10.1.2.3}"
    assert redis_key("other", b"x" * 80) == b"other:limit:{%b}" % (b"x" * 80)


def test_keys_of_any_bytes_are_short_and_printable() -> None:
    keys = [b"\0", b"\xff", b"user \n", b"x" * 81, b"x" * 5000]
    made = {redis_key("gwt", key) for key in keys}
    assert len(made) == len(keys)
    assert all(len(one) == len(b"gwt:limit:{}") + 32 and one.isascii() for one in made)
