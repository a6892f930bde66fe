"""Leading: the Lease by the API."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from controller.asked import GONE, PlayedApi
from twisted.internet.task import Clock

from gwt.controller.api import Answer, Ending
from gwt.controller.leading import Leading
from gwt.kube.lease import Election, Terms

BASE = "/apis/coordination.k8s.io/v1/namespaces/n/leases"


class Server:
    """A Lease with optimistic locking."""

    def __init__(self) -> None:
        self.lease: Any = None
        self.rev, self.down, self.status, self.after = 0, False, 0, 0.0

    def __call__(self, method: str, path: str, body: Any) -> Any:
        if self.down:
            return GONE
        if self.status:
            return self.status, {"message": "no"}, self.after
        if method == "GET":
            return (404, {}) if self.lease is None else (200, copy.deepcopy(self.lease))
        if method == "PUT" and body["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            return 409, {}
        self.rev += 1
        self.lease = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.rev)}}
        return 201 if method == "POST" else 200, copy.deepcopy(self.lease)


class Rig:
    def __init__(self, server: Server, clock: Clock, name: str = "a", chance: float = 0.5) -> None:
        self.clock, self.api, self.changes = clock, PlayedApi(server), 0
        api: Any = self.api
        election = Election("gwt-controller", "n", name, Terms())
        self.leading = Leading(clock, api, election, lambda: 1e9 + clock.seconds(), self.changed, lambda: chance)
        self.leading.start()

    def changed(self) -> None:
        self.changes += 1


def tell(rig: Rig, server: Server, kind: str = "MODIFIED") -> None:
    """What the watch of a Lease says."""
    lease = server.lease or {"metadata": {"name": "gwt-controller", "namespace": "n"}}
    rig.api.follows[-1][1](json.dumps({"type": kind, "object": lease}).encode())


def run(clock: Clock, seconds: float) -> None:
    for _ in range(int(seconds * 2)):
        clock.advance(0.5)


def test_one_leads_and_the_other_when_it_is_gone() -> None:
    server, clock = Server(), Clock()
    a, b = Rig(server, clock), Rig(server, clock, "b")
    assert (a.leading.epoch, b.leading.epoch, a.changes) == (1, None, 1)
    assert a.api.asked[1][:2] == ("POST", BASE)
    run(clock, 30)
    assert (a.leading.epoch, b.leading.epoch) == (1, None)
    a.leading._stopped = True  # it died
    run(clock, 13)
    assert b.leading.epoch == 2


def test_it_leads_no_more_when_it_can_not_renew() -> None:
    server, clock = Server(), Clock()
    a = Rig(server, clock)
    run(clock, 4)
    server.down = True
    run(clock, 6)
    assert a.leading.epoch == 1
    run(clock, 3)
    assert a.leading.epoch is None and a.changes == 2
    server.down = False
    run(clock, 2)
    assert a.leading.epoch == 1


def test_who_was_stopped_for_longer_than_it_led_is_told_of_both() -> None:
    server, clock = Server(), Clock()
    a = Rig(server, clock)
    run(clock, 3)
    clock.advance(20)
    assert a.leading.epoch == 1 and a.changes == 3


def test_released_at_the_end() -> None:
    server, clock = Server(), Clock()
    a, b = Rig(server, clock), Rig(server, clock, "b")
    a.leading.release()
    assert a.leading.epoch is None and server.lease["spec"]["holderIdentity"] == ""
    run(clock, 2)
    assert b.leading.epoch == 2
    asked = len(a.api.asked)
    a.leading.release()
    assert len(a.api.asked) == asked


def test_who_follows_leads_at_once_when_the_lease_is_released() -> None:
    server, clock = Server(), Clock()
    a, b = Rig(server, clock), Rig(server, clock, "b")
    path = b.api.follows[0][0]
    assert path.startswith(f"{BASE}?watch=1&")
    assert path.endswith("&resourceVersion=1&fieldSelector=metadata.name%3Dgwt-controller")
    run(clock, 1.5)
    tell(b, server)
    assert b.leading.epoch is None and len(b.api.asked) == 1, "that it is renewed is no reason to ask"
    a.leading.release()
    tell(b, server)
    assert b.leading.epoch == 2 and (len(a.api.follows), len(b.api.follows)) == (0, 1)
    assert b.api.follows[0][2].called, "who leads need not watch"
    assert asked_at(b, 4) == [2, 2, 4, 4]


def test_who_follows_leads_at_once_when_the_lease_is_deleted() -> None:
    server, clock = Server(), Clock()
    Rig(server, clock)
    b = Rig(server, clock, "b")
    server.lease = None
    tell(b, server, "DELETED")
    assert b.leading.epoch == 1


def test_what_is_heard_while_it_is_asked_for_is_not_lost() -> None:
    server, clock = Server(), Clock()
    a, b = Rig(server, clock), Rig(server, clock, "b")

    def play(method: str, path: str, body: Any) -> Any:
        found = server(method, path, body)
        if b.api.play is play:  # the answer is on its way, and is overtaken
            b.api.play = server
            a.leading.release()
            tell(b, server)
        return found

    b.api.play = play
    clock.advance(2)
    assert b.leading.epoch == 2


def test_where_it_can_not_be_watched_it_is_asked_for() -> None:
    server, clock = Server(), Clock()
    a, b = Rig(server, clock), Rig(server, clock, "b")
    b.api.follows[0][2].callback(Ending("refused", 0.0, Answer(403, b"")))
    run(clock, 4)
    assert len(b.api.follows) == 1
    a.leading.release()
    run(clock, 2)
    assert b.leading.epoch == 2


def test_what_is_free_is_not_asked_for_sooner_than_the_server_wants() -> None:
    server, clock = Server(), Clock()
    a, b = Rig(server, clock), Rig(server, clock, "b")
    server.status, server.after = 429, 30.0
    run(clock, 2)
    asked = len(b.api.asked)
    server.status = 0
    a.leading.release()
    tell(b, server)
    assert len(b.api.asked) == asked and b.leading.epoch is None


def test_the_end_of_who_follows() -> None:
    server, clock = Server(), Clock()
    a, b = Rig(server, clock), Rig(server, clock, "b")
    b.leading.release()
    assert b.api.follows[0][2].called
    a.leading.release()
    assert clock.getDelayedCalls() == []


def test_fenced() -> None:
    server, clock = Server(), Clock()
    a = Rig(server, clock)
    a.leading.fenced(9)
    assert a.leading.epoch is None and a.changes == 2
    run(clock, 2)
    assert a.leading.epoch == 10


def asked_at(a: Rig, seconds: float) -> list[float]:
    """When it asks from now on, in seconds."""
    begin, found = a.clock.seconds(), list[float]()
    while (now := a.clock.seconds() - begin) < seconds:
        before = len(a.api.asked)
        a.clock.advance(1 / 64)
        found += [now + 1 / 64] * (len(a.api.asked) - before)
    return found


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
@pytest.mark.parametrize(("after", "chance", "pause"), [(0.0, 0.0, 2), (0.0, 0.5, 3), (1.0, 0.5, 3), (30.0, 0.5, 45)])
def test_who_is_refused_waits_as_it_is_asked_to(status: int, after: float, chance: float, pause: float) -> None:
    server, clock = Server(), Clock()
    server.status, server.after = status, after
    a = Rig(server, clock, chance=chance)
    assert asked_at(a, 100) == [pause * number for number in range(1, int(100 / pause) + 1)]
    assert a.leading.epoch is None


def test_who_leads_asks_once_more_before_that_ends() -> None:
    server, clock = Server(), Clock()
    a = Rig(server, clock)
    server.status, server.after = 429, 30.0
    assert asked_at(a, 5.5) == [2], "of the 7 seconds that its last renewal is good for"
    server.status = 0
    assert asked_at(a, 1) == [0.5, 0.5] and (a.leading.epoch, a.changes) == (1, 1)


def test_who_is_refused_to_the_end_leads_no_more_and_waits() -> None:
    server, clock = Server(), Clock()
    a = Rig(server, clock)
    server.status, server.after = 503, 30.0
    assert asked_at(a, 60) == [2, 6, 7, 52] and a.leading.epoch is None


def test_who_is_not_answered_asks_again_soon() -> None:
    server, clock = Server(), Clock()
    server.down = True
    a = Rig(server, clock)
    assert asked_at(a, 4) == [1, 2, 3, 4] and a.leading.epoch is None
