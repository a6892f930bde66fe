"""A change is answered once all workers have it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed

from gwt.admin.spread import Spread


class Store:
    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.arrived: Deferred[Any] = Deferred()

    def reached(self, part: str, rev: int) -> Deferred[Any]:
        self.asked.append((part, rev))
        return self.arrived


class Peers:
    def __init__(self) -> None:
        self.questions: list[Any] = []
        self.said: Deferred[None] = Deferred()

    def ask(self, question: Any) -> Deferred[None]:
        self.questions.append(question)
        return self.said


def test_it_waits_for_this_worker_and_then_for_all_others() -> None:
    """They hear of a change when this one does, however long the store takes, and are waited for for less than that."""
    store, peers, settled, done = Store(), Peers(), Deferred[None](), list[Any]()
    spread = Spread(lambda: store, lambda: settled, peers)  # type: ignore[arg-type, return-value]
    spread.everywhere("routes", 7).addCallback(done.append)
    assert store.asked == [("routes", 7)]
    store.arrived.callback(7)
    assert not peers.questions
    settled.callback(None)
    assert peers.questions == [{"ask": "reach", "part": "routes", "rev": 7}] and not done
    peers.said.callback(None)
    assert done


def test_who_asks_no_more_ends_it_as_such() -> None:
    store, failed = Store(), list[Any]()
    spread = Spread(lambda: store, lambda: succeed(None), Peers())  # type: ignore[arg-type, return-value]
    asked = spread.everywhere("routes", 7)
    asked.addErrback(failed.append)
    asked.cancel()
    assert failed[0].check(CancelledError)


def test_others_are_waited_for_too() -> None:
    store, peers, done = Store(), Peers(), list[Any]()
    store.arrived.callback(7)
    spread = Spread(lambda: store, lambda: succeed(None), peers)  # type: ignore[arg-type, return-value]
    spread.everywhere("services", 7).addCallback(done.append)
    assert not done
    peers.said.callback(None)
    assert done


def test_who_follows_another_kind_of_store_has_nothing_to_wait_for() -> None:
    assert Spread(lambda: None, lambda: fail(ValueError()), Peers()).here("routes", 7).called  # type: ignore[arg-type]
