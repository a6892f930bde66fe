"""The Lookout: what it hears of one Lease, and what it does where it hears nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from controller.asked import GONE, PlayedApi
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from gwt.controller.api import Answer, ApiError, Ending
from gwt.controller.lookout import REFUSED, Lookout
from gwt.kube.reflector import Unreadable


def lease(name: str = "gwt-controller", rev: int = 7, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "n", "name": name, "resourceVersion": str(rev)}, "spec": spec}


class Rig:
    """`freed` counts how often it was told that the Lease is free."""

    def __init__(self) -> None:
        self.clock, self.freed = Clock(), 0
        self.api: Any = PlayedApi(lambda *_: GONE)
        self.lookout = Lookout(self.clock, self.api, "n", "gwt-controller", self.free, lambda: 0.5)
        self.lookout.keep(lease())

    def free(self) -> None:
        self.freed += 1

    def hear(self, kind: str, value: Any) -> bool:
        return bool(self.api.follows[-1][1](json.dumps({"type": kind, "object": value}).encode()))

    def end(self, ending: Any) -> None:
        done = self.api.follows[-1][2]
        done.errback(ending) if isinstance(ending, Exception) else done.callback(ending)

    def kept(self) -> int:
        """How many watches there were, once it is to keep one."""
        self.lookout.keep(lease(rev=9))
        return len(self.api.follows)


def test_one_watch_from_where_the_lease_was_read() -> None:
    rig = Rig()
    assert rig.kept() == 1
    (path, _, _) = rig.api.follows[0]
    assert path.startswith("/apis/coordination.k8s.io/v1/namespaces/n/leases?watch=1&")
    assert path.endswith("&resourceVersion=7&fieldSelector=metadata.name%3Dgwt-controller")


@pytest.mark.parametrize(
    ("kind", "value", "freed"),
    [
        ("MODIFIED", lease(holderIdentity="a"), 0), ("MODIFIED", lease(holderIdentity=""), 1), ("ADDED", lease(), 1),
        ("DELETED", lease(holderIdentity="a"), 1), ("MODIFIED", lease("other"), 0), ("DELETED", lease("other"), 0),
        ("BOOKMARK", {"metadata": {"resourceVersion": "9"}}, 0), ("ADDED", {}, 0), ("ADDED", None, 0),
    ],
)  # fmt: skip
def test_what_is_heard(kind: str, value: Any, freed: int) -> None:
    rig = Rig()
    assert rig.hear(kind, value) and rig.freed == freed


def test_a_watch_that_is_told_off_is_of_no_use() -> None:
    assert not Rig().hear("ERROR", {"code": 410})


@pytest.mark.parametrize(
    "ending",
    [Ending("refused", 0.0, Answer(403, b"")), Ending("clean", 0.1), Ending("left", 0.1), GONE, Unreadable("no JSON")],
)
def test_where_it_can_not_be_watched_that_is_tried_again_later(ending: Any) -> None:
    rig = Rig()
    rig.end(ending)
    rig.clock.advance(REFUSED * 1.5 - 1)
    assert rig.kept() == 1
    rig.clock.advance(1)
    assert rig.kept() == 2, "it may be allowed by now"


def test_a_watch_that_has_ended_in_its_time_is_taken_up_again() -> None:
    rig = Rig()
    rig.end(Ending("clean", 300.0))
    assert rig.kept() == 2 and "&resourceVersion=9&" in rig.api.follows[1][0]


@pytest.mark.parametrize("outcome", [CancelledError(), ApiError("the API server can't be asked: cancelled")])
def test_what_becomes_of_a_watch_that_is_left_does_not_matter(outcome: Exception) -> None:
    rig = Rig()
    watches: list[Deferred[Any]] = []

    def follow(path: str, heard: Any) -> Deferred[Any]:
        watches.append(Deferred(lambda done: done.errback(outcome)))
        return watches[-1]

    rig.api.follow = follow
    rig.lookout.leave()
    for number in (1, 2):
        rig.lookout.keep(lease())
        assert len(watches) == number, "it is begun at once"
        rig.lookout.leave()
        rig.lookout.leave()
        assert watches[-1].called
