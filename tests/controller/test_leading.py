"""Leading: the Lease by the API."""

from __future__ import annotations

import copy
from typing import Any

from controller.asked import GONE, PlayedApi
from twisted.internet.task import Clock

from gwt.controller.leading import Leading
from gwt.kube.lease import Election, Terms

BASE = "/apis/coordination.k8s.io/v1/namespaces/n/leases"


class Server:
    """A Lease with optimistic locking."""

    def __init__(self) -> None:
        self.lease: Any = None
        self.rev, self.down, self.status = 0, False, 0

    def __call__(self, method: str, path: str, body: Any) -> Any:
        if self.down:
            return GONE
        if self.status:
            return self.status, {"message": "no"}
        if method == "GET":
            return (404, {}) if self.lease is None else (200, copy.deepcopy(self.lease))
        if method == "PUT" and body["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            return 409, {}
        self.rev += 1
        self.lease = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.rev)}}
        return 201 if method == "POST" else 200, copy.deepcopy(self.lease)


class Rig:
    def __init__(self, server: Server, clock: Clock, name: str = "a") -> None:
        self.clock, self.api, self.changes = clock, PlayedApi(server), 0
        api: Any = self.api
        election = Election("gwt-controller", "n", name, Terms())
        self.leading = Leading(clock, api, election, lambda: 1e9 + clock.seconds(), self.changed)
        self.leading.start()

    def changed(self) -> None:
        self.changes += 1


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


def test_fenced() -> None:
    server, clock = Server(), Clock()
    a = Rig(server, clock)
    a.leading.fenced(9)
    assert a.leading.epoch is None and a.changes == 2
    run(clock, 2)
    assert a.leading.epoch == 10


def test_refused() -> None:
    server, clock = Server(), Clock()
    server.status = 401
    a = Rig(server, clock)
    run(clock, 4)
    assert a.leading.epoch is None and len(a.api.asked) == 5  # every second, as whatever fails
