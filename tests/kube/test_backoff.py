from __future__ import annotations

from gwt.kube.backoff import FORGIVEN, UNREACHABLE, Backoff


def test_it_doubles_up_to_its_end() -> None:
    backoff = Backoff(lambda: 0.0)
    assert [backoff.failed(0.0) for _ in range(8)] == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


def test_chance_makes_it_up_to_twice_as_long() -> None:
    assert Backoff(lambda: 0.5).failed(0.0) == 0.8 * 1.5


def test_health_is_rewarded() -> None:
    backoff = Backoff(lambda: 0.0)
    for _ in range(3):
        backoff.failed(0.0)
    assert backoff.failed(FORGIVEN + 100) == 0.8


def test_what_the_server_asks_for() -> None:
    assert Backoff(lambda: 0.0).failed(0.0, at_least=7.0) == 7.0


def test_where_nobody_answers_it_stays_short() -> None:
    backoff = Backoff(lambda: 0.0)
    assert max(backoff.failed(0.0, longest=UNREACHABLE) for _ in range(9)) == UNREACHABLE
