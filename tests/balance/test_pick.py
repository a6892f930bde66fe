from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from gwt.balance.endpoint import Endpoint, EndpointState
from gwt.balance.pick import Nobody, Ring, Timetable, round_robin
from gwt.model.route import EndpointSpec


def endpoints(*weights: int) -> list[Endpoint]:
    specs = [EndpointSpec(f"10.0.0.{number}:80", weight=weight) for number, weight in enumerate(weights)]
    return [Endpoint(spec, EndpointState()) for spec in specs]


def start(some: Sequence[Endpoint], chance: float = 0.0) -> Ring | Timetable | Nobody:
    return round_robin(some, {}, lambda: chance)


def test_equal_weights_take_turns() -> None:
    a, b, c = some = endpoints(1, 1, 1)
    picker = start(some)
    assert [picker.pick() for _ in range(7)] == [a, b, c, a, b, c, a]


def test_the_start_is_by_chance() -> None:
    some = endpoints(1, 1, 1, 1)
    assert {start(some, chance).pick() for chance in (0.1, 0.3, 0.6, 0.9)} == set(some)


def test_equal_weights_above_one_are_a_ring_as_well() -> None:
    assert isinstance(start(endpoints(5, 5)), Ring)


def test_nobody() -> None:
    picker = start([])
    assert picker.pick() is None
    assert picker.front() is None
    assert picker.among([]) is None
    assert picker.phases() == {}


@pytest.mark.parametrize("weights", [(5, 1, 1), (1, 2, 3), (7, 7, 1), (100, 1), (3, 2), (1, 1, 1, 50)])
def test_a_lap_holds_each_by_its_weight(weights: tuple[int, ...]) -> None:
    some = endpoints(*weights)
    picker = start(some)
    for _ in range(3):
        lap = Counter(picker.pick() for _ in range(sum(weights)))
        assert [lap[endpoint] for endpoint in some] == list(weights)


def test_weighted_turns_are_spread() -> None:
    heavy, *_ = some = endpoints(5, 1, 1)
    picker = start(some)
    lap = [picker.pick() for _ in range(7)]
    assert "".join("a" if endpoint is heavy else "." for endpoint in lap) in "aaa.aa.aaa.aa."


def test_many_light_ones_do_not_come_in_one_burst() -> None:
    heavy, *_ = some = endpoints(100, *([1] * 100))
    picker = start(some)
    lap = [picker.pick() is heavy for _ in range(200)]
    pairs = zip(lap, lap[1:], lap[2:], strict=False)
    assert not any(first == second == third for first, second, third in pairs)


@pytest.mark.parametrize("weights", [(1, 1, 1), (3, 1, 1)])
def test_who_was_tried_is_passed_over_and_stays_first_in_line(weights: tuple[int, ...]) -> None:
    some = endpoints(*weights)
    picker = start(some)
    first = picker.front()
    assert first is not None
    other = picker.pick(None, (first,))
    assert other not in (None, first)
    assert picker.pick() is first


@pytest.mark.parametrize("weights", [(1, 1, 1), (3, 1, 1)])
def test_all_tried(weights: tuple[int, ...]) -> None:
    some = endpoints(*weights)
    picker = start(some)
    assert picker.pick(None, some) is None
    assert picker.pick() is not None


@pytest.mark.parametrize("weights", [(1, 1, 1), (3, 1, 1)])
def test_among(weights: tuple[int, ...]) -> None:
    some = endpoints(*weights)
    picker = start(some)
    assert {picker.among(some[1:]) for _ in range(4)} == set(some[1:])
    assert picker.among([]) is None


def test_long_passed_over_is_not_made_up_for_by_a_burst() -> None:
    one, *others = some = endpoints(2, 1, 1)
    picker = start(some)
    for _ in range(100):
        picker.pick(None, (one,))
    assert sum(picker.pick() is one for _ in range(4)) <= 3
    assert {picker.pick() for _ in range(4)} >= set(others)


@pytest.mark.parametrize("after", [(1, 1, 1), (2, 1, 1)])
@pytest.mark.parametrize("before", [(1, 1, 1), (4, 1, 1)])
def test_turns_go_on_where_they_stopped(before: tuple[int, ...], after: tuple[int, ...]) -> None:
    old = start(endpoints(*before))
    for _ in range(4):
        old.pick()
    _, b, c = some = endpoints(*after)
    new = round_robin(some, old.phases(), lambda: 0.5)
    ahead = [endpoint for endpoint in (old.pick() for _ in range(7)) if endpoint and endpoint.address != "10.0.0.0:80"]
    follow = [endpoint for endpoint in (new.pick() for _ in range(7)) if endpoint in (b, c)]
    assert follow[0].address == ahead[0].address


def test_a_newcomer_waits_for_its_turn() -> None:
    a, b, c = some = endpoints(1, 1, 1)
    old = start(some[:2])
    old.pick()
    new = round_robin(some, old.phases(), lambda: 0.5)
    assert [new.pick() for _ in range(4)] == [b, a, c, b]
