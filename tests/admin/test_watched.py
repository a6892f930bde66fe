"""gwt.admin.watched: wrappers that notice and change nothing."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from gwt.admin.watched import Dialled, Watched
from gwt.delta import Delta
from gwt.store.base import Apply


class HandStore:
    def __init__(self) -> None:
        self.apply: Apply = lambda delta: None
        self.pulled: Deferred[None] = succeed(None)

    def start(self, apply: Apply) -> Deferred[None]:
        self.apply = apply
        return succeed(None)

    def pull(self) -> Deferred[None]:
        return self.pulled

    def stop(self) -> Deferred[None]:
        return succeed(None)

    def describe(self) -> str:
        return "by hand"


def test_a_look_is_told_and_whether_it_found_something() -> None:
    looks: list[bool] = []
    deltas: list[Delta] = []
    store = HandStore()
    watched = Watched(store, looks.append)
    watched.start(deltas.append)
    watched.pull()
    store.pulled = Deferred()
    watched.pull()
    store.apply(Delta(2))
    store.pulled.callback(None)
    store.pulled = fail(OSError("gone"))
    failed: list[Any] = []
    watched.pull().addErrback(failed.append)
    assert (looks, deltas, len(failed)) == ([False, True], [Delta(2)], 1)
    assert watched.describe() == "by hand"
    assert watched.stop().called


def test_connections_are_counted() -> None:
    class Reactor:
        def connectTCP(self, *arguments: Any, **options: Any) -> Any:
            return arguments, options

        def seconds(self) -> float:
            return 7.0

    dialled = Dialled(Reactor())
    assert dialled.connectTCP("h", 1, None, timeout=5) == (("h", 1, None), {"timeout": 5})
    assert (dialled.connects, dialled.seconds()) == (1, 7.0)
