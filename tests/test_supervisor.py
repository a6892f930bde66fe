"""gwt.supervisor: workers are started, replaced, rolled and ended; no process runs here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet import error
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from gwt.sockets import Binder, Wanted
from gwt.supervisor import GRACE, READY_LIMIT, SPARE_AFTER, Plan, Supervisor
from gwt.workers import Assignment, Launch, Worker, WorkerDied
from gwt.zones.arena import Memory

PLAN = Plan(2, Assignment(0, "gateway.yaml", "", "m"), Memory(0, "1"), drain=30, drain_delay=2, reactor="r")


class Child(Worker):
    """A worker whose process is played by the test."""

    def spawn(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.killed = False

    def order(self, **what: Any) -> None:
        self.orders.append(what)

    def kill(self) -> None:
        self.killed = True
        self.dies(error.ProcessTerminated(signal=9))

    def becomes_ready(self) -> None:
        self.childDataReceived(4, b'{"ready": {}}\n')

    def dies(self, how: Exception | None = None) -> None:
        self.processEnded(Failure(how or error.ProcessDone(0)))

    @property
    def number(self) -> int | None:
        return self._assignment and self._assignment.index


class Stage:
    def __init__(self, plan: Plan = PLAN) -> None:
        self.clock, self.binder = Clock(), Binder(plan.count, single=["admin"])
        self.children: list[Child] = []
        self.supervisor = Supervisor(self.clock, self.binder, plan, self.spawn)

    def spawn(self, clock: Clock, start: Launch) -> Child:
        self.children.append(Child(clock, start))
        return self.children[-1]

    def current(self, number: int) -> Child:
        worker = self.supervisor.slots[number - 1].worker
        assert isinstance(worker, Child)
        return worker

    def started(self) -> Stage:
        results: list[Any] = []
        self.supervisor.start().addCallback(results.append)
        for child in self.children:
            assert not results
            child.becomes_ready()
        assert results == [[{} for _ in self.children]]
        return self


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.binder.keep(())


def test_start_fails_with_what_the_first_worker_said(stage: Stage) -> None:
    failures: list[Any] = []
    stage.supervisor.start().addErrback(failures.append)
    stage.supervisor.stopping = True
    stage.children[0].fatal = "the store is no store"
    stage.children[0].dies()
    assert failures[0].check(WorkerDied)
    assert failures[0].getErrorMessage() == "the store is no store"


def test_a_dead_worker_is_replaced_in_its_place_soon(stage: Stage) -> None:
    stage.started()
    stage.children[1].dies(error.ProcessTerminated(signal=9))
    stage.clock.advance(0.5)
    assert [child.number for child in stage.children] == [1, 2, 2]
    assert stage.supervisor.restarts == 1


def test_a_spare_worker_takes_the_place_and_gets_a_successor(stage: Stage) -> None:
    stage.started()
    stage.clock.advance(SPARE_AFTER)
    spare = stage.children[2]
    assert spare.number is None
    stage.clock.advance(60)
    stage.children[0].dies()
    stage.clock.advance(0.5)
    assert spare.number == 1
    assert len(stage.children) == 3
    stage.clock.advance(SPARE_AFTER)
    assert stage.children[3].number is None


def test_a_spare_that_dies_is_replaced_and_means_nothing(stage: Stage) -> None:
    stage.started()
    stage.clock.advance(SPARE_AFTER)
    stage.children[2].dies()
    stage.clock.advance(SPARE_AFTER)
    assert [child.number for child in stage.children] == [1, 2, None, None]
    assert stage.supervisor.restarts == 0


def test_how_a_spare_that_took_a_place_ends_is_told(stage: Stage) -> None:
    stage.started()
    stage.clock.advance(SPARE_AFTER)
    stage.children[0].dies()
    stage.clock.advance(0.5)
    with capturedLogs() as events:
        stage.children[2].dies(error.ProcessTerminated(signal=9))
    assert [(event["name"], event["how"]) for event in events if "how" in event] == [("worker 1", "killed by SIGKILL")]


def test_a_reload_gives_the_spare_the_new_sockets(stage: Stage) -> None:
    stage.started()
    stage.clock.advance(SPARE_AFTER)
    stage.supervisor.replace(PLAN)
    stage.children[3].becomes_ready()
    stage.children[4].becomes_ready()
    assert stage.children[2].killed
    stage.clock.advance(SPARE_AFTER)
    assert stage.children[5].number is None


def test_a_crash_loop_is_slowed_down(stage: Stage) -> None:
    stage.started()
    for _ in range(20):
        stage.current(2).dies()
        stage.clock.advance(10)
    stage.current(2).dies()
    stage.clock.advance(9)
    assert stage.supervisor.slots[1].worker is None
    stage.clock.advance(1)
    assert stage.supervisor.slots[1].worker is not None


def test_a_reload_replaces_one_after_another_new_before_old(stage: Stage) -> None:
    stage.started()
    old = stage.children[:2]
    done: list[Any] = []
    stage.supervisor.replace(PLAN).addCallback(done.append)
    assert [child.number for child in stage.children] == [1, 2, 1]
    assert not old[0].draining
    stage.children[2].becomes_ready()
    assert [child.draining for child in old] == [True, False]
    assert old[0].orders == [{"drain": 0, "replaced": True}]
    stage.children[3].becomes_ready()
    assert [child.draining for child in old] == [True, True]
    assert done == [None]
    for child in old:
        child.dies()
    stage.clock.advance(100)
    assert [child.number for child in stage.children] == [1, 2, 1, 2, None]


def test_an_old_worker_that_does_not_go_is_killed(stage: Stage) -> None:
    stage.started()
    stage.supervisor.replace(PLAN)
    stage.children[2].becomes_ready()
    stage.clock.advance(PLAN.drain + GRACE)
    assert stage.children[0].killed


def test_a_reload_whose_first_worker_fails_leaves_everything_as_it_was(stage: Stage) -> None:
    stage.started()
    failures: list[Any] = []
    stage.supervisor.replace(replace(PLAN, drain=1)).addErrback(failures.append)
    stage.children[2].dies()
    assert failures[0].check(WorkerDied)
    assert stage.supervisor.plan == PLAN
    assert [slot.worker for slot in stage.supervisor.slots] == stage.children[:2]
    stage.clock.advance(100)
    assert [child.number for child in stage.children] == [1, 2, 1, None]


def test_a_new_worker_that_never_gets_ready_is_given_up(stage: Stage) -> None:
    stage.started()
    failures: list[Any] = []
    stage.supervisor.replace(PLAN).addErrback(failures.append)
    stage.clock.advance(READY_LIMIT)
    assert stage.children[2].killed
    assert failures[0].check(WorkerDied)


@pytest.mark.parametrize("count", [1, 3])
def test_a_reload_may_change_how_many_there_are(stage: Stage, count: int) -> None:
    stage.started()
    stage.supervisor.replace(replace(PLAN, count=count))
    for _ in range(count):
        stage.children[-1].becomes_ready()
    assert [slot.worker for slot in stage.supervisor.slots] == stage.children[2 : 2 + count]
    assert all(child.draining for child in stage.children[:2])


def test_drain_tells_all_closes_the_sockets_after_the_delay_and_waits(stage: Stage) -> None:
    stage.started()
    proxy = stage.binder.sockets(Wanted("tcp", "127.0.0.1", 0, role="proxy"))[0]
    gone: list[Any] = []
    stage.supervisor.drain().addCallback(gone.append)
    assert [child.orders for child in stage.children] == [[{"drain": 2, "replaced": False}]] * 2
    stage.clock.advance(1.9)
    assert proxy.fileno() != -1
    stage.clock.advance(0.1)
    assert proxy.fileno() == -1
    stage.children[0].dies()
    assert not gone
    stage.children[1].dies()
    assert gone == [None]
    assert not stage.clock.getDelayedCalls()


def test_drain_ends_even_if_a_worker_does_not(stage: Stage) -> None:
    stage.started()
    gone: list[Any] = []
    stage.supervisor.drain().addCallback(gone.append)
    stage.clock.advance(PLAN.drain + PLAN.drain_delay + GRACE)
    assert gone == [None]
    assert all(child.killed for child in stage.children)


def test_drain_waits_for_the_spare_that_it_kills(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.started()
    stage.clock.advance(SPARE_AFTER)
    *workers, spare = stage.children
    killed, gone = list[Any](), list[Any]()
    monkeypatch.setattr(spare, "kill", lambda: killed.append(spare))
    stage.supervisor.drain().addCallback(gone.append)
    for child in workers:
        child.dies()
    assert killed == [spare] and not gone
    spare.dies()
    assert gone == [None] and not stage.clock.getDelayedCalls()


def test_nobody_is_replaced_while_draining(stage: Stage) -> None:
    stage.started()
    stage.children[0].dies()
    stage.supervisor.drain()
    stage.children[1].dies()
    stage.clock.advance(100)
    assert len(stage.children) == 2


def test_a_reload_that_is_overtaken_by_the_end_leaves_a_dead_worker_dead(stage: Stage) -> None:
    stage.started()
    stage.children[0].dies()
    done: list[Any] = []
    stage.supervisor.replace(PLAN).addBoth(done.append)
    stage.supervisor.drain()
    stage.children[2].becomes_ready()
    assert done == [None]
    assert stage.children[2].draining
    stage.clock.advance(100)
    assert len(stage.children) == 3
