"""The supervisor: binds, keeps N workers alive on what it has bound, replaces them one by one, ends them.

It serves nothing itself. A slot is a place for a worker: it keeps its number, its sockets and its back-off while
workers come and go in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks, succeed
from twisted.logger import Logger

from gwt.sockets import Binder
from gwt.workers import Assignment, Backoff, Worker, WorkerDied, launch
from gwt.zones.arena import Memory

#: Seconds that a new worker may take to become ready before a reload gives up on it.
READY_LIMIT = 60.0
#: Seconds after which a spare worker is started: whatever needed the last one comes first.
SPARE_AFTER = 1.0
#: Seconds beyond what a drain may take after which a worker is killed.
GRACE = 5.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What the workers are to be: how many, what each is told and which memory they share, how long a drain takes; and
    how they are started.
    """

    count: int
    assignment: Assignment
    memory: Memory
    drain: float
    drain_delay: float
    reactor: str
    systemd: int = 0


@dataclass(eq=False, slots=True)
class Slot:
    """A place for one worker."""

    index: int
    worker: Worker | None = None
    backoff: Backoff = field(default_factory=Backoff)
    retry: Any = None

    def give_up(self) -> None:
        """Start no worker here any more by itself."""
        retry, self.retry = self.retry, None
        if retry is not None:
            retry.cancel()


class Supervisor:
    """Keeps `plan.count` workers on the sockets of `binder`.

    One more child is kept in reserve, loaded but idle: it takes the place of one that dies, at once.
    `spawn(reactor, launch)` makes a Worker (a parameter for tests). `restarts` counts workers that died unasked,
    and `on_restart` is called for each.
    """

    log = Logger("gwt.supervisor")

    def __init__(self, reactor: Any, binder: Binder, plan: Plan, spawn: Callable[..., Worker] = Worker) -> None:
        self._reactor, self._binder, self._spawn = reactor, binder, spawn
        self.plan = plan
        self.slots: list[Slot] = []
        self.retiring: set[Worker] = set()
        self.spare: Worker | None = None
        self._spare_call: Any = None
        self.restarts = 0
        self.on_restart: Callable[[], None] = lambda: None
        self.stopping = False
        self._null = os.open(os.devnull, os.O_RDONLY)

    @property
    def workers(self) -> list[Worker]:
        """Every child that has not ended yet."""
        return [slot.worker for slot in self.slots if slot.worker is not None] + list(self.retiring)

    def _launch(self) -> Worker:
        """A new child, not assigned yet, with every socket."""
        plan = self.plan
        start = launch(plan.reactor, plan.systemd, self._binder.held, self._null, plan.memory)
        worker = self._spawn(self._reactor, start)
        worker.spawn()
        return worker

    def _keep_spare(self) -> None:
        """Have a spare worker ready before long, with the sockets of now."""
        old, self.spare = self.spare, None
        if old is not None:
            old.kill()
        if self._spare_call is None and not self.stopping:
            self._spare_call = self._reactor.callLater(SPARE_AFTER, self._start_spare)

    def _start_spare(self) -> None:
        self._spare_call = None
        spare = self.spare = self._launch()
        spare.ready.addErrback(lambda failure: failure.trap(WorkerDied) and None)
        spare.ended.addCallback(lambda how: self._spare_ended(spare, how))

    def _spare_ended(self, spare: Worker, how: str) -> str:
        if self.spare is spare:
            self.spare = None
            self._keep_spare()
        return how  # by then it may be a slot's worker, whose end is told

    def _take_spare(self) -> Worker | None:
        """The spare worker, if there is one; another is started soon."""
        spare, self.spare = self.spare, None
        self._keep_spare()
        return spare

    def start(self) -> Deferred[list[dict[str, Any]]]:
        """Start all workers; fires with their reports when all are ready, fails with WorkerDied if one can't be."""
        self.slots = [Slot(index) for index in range(self.plan.count)]
        ready = [self._begin(slot).ready for slot in self.slots]
        done: Deferred[Any] = DeferredList(ready, fireOnOneErrback=True, consumeErrors=True)
        return done.addCallbacks(self._started, _first_failure)

    def _started(self, results: list[tuple[bool, Any]]) -> list[dict[str, Any]]:
        self._keep_spare()
        return [report for _, report in results]

    def _begin(self, slot: Slot, worker: Worker | None = None) -> Worker:
        """A new worker in `slot`, whatever was there before."""
        worker = worker or self._launch()
        slot.worker = worker
        self._assign(worker, slot)
        return worker

    def _assign(self, worker: Worker, slot: Slot) -> None:
        worker.assign(self.plan.assignment, slot.index, self.plan.count)
        worker.ended.addCallback(lambda how: self._ended(slot, worker, how))

    def _ended(self, slot: Slot, worker: Worker, how: str) -> None:
        self.retiring.discard(worker)
        if slot.worker is not worker:
            return
        slot.worker = None
        if self.stopping or worker.draining:
            return
        self.restarts += 1
        self.on_restart()
        worker.ready.addErrback(lambda failure: failure.trap(WorkerDied))
        pause = slot.backoff.after(worker.served())
        self.log.error(
            "{name} (pid {pid}) ended: {how}; its replacement starts in {pause:g} s",
            name=worker.name, pid=worker.pid, how=how, pause=pause,
        )  # fmt: skip
        slot.retry = self._reactor.callLater(pause, self._again, slot)

    def _again(self, slot: Slot) -> None:
        slot.retry = None
        if not self.stopping and slot.worker is None:
            worker = self._begin(slot, self._take_spare())
            worker.ready.addCallbacks(
                lambda _: self.log.info("{name} serves again (pid {pid})", name=worker.name, pid=worker.pid),
                lambda failure: failure.trap(WorkerDied) and None,
            )

    @inlineCallbacks
    def replace(self, plan: Plan) -> Any:
        """Put `plan` in force, one worker after another: each new one is ready before the old one drains.

        Fails with WorkerDied if a new worker does not become ready; the old ones then stay, on the old plan.
        """
        before, self.plan = self.plan, plan
        for index in range(plan.count):
            if index == len(self.slots):
                self.slots.append(Slot(index))
            try:
                yield self._replace_one(self.slots[index])
            except WorkerDied:
                if index == 0:
                    self.plan = before
                raise
            if self.stopping:
                return
        for slot in self.slots[plan.count :]:
            self._retire(slot)
        del self.slots[plan.count :]
        self._keep_spare()

    @inlineCallbacks
    def _replace_one(self, slot: Slot) -> Any:
        new = self._launch()
        self.retiring.add(new)
        self._assign(new, slot)
        ready: Deferred[Any] = Deferred()
        new.ready.addCallbacks(ready.callback, ready.errback)
        ready.addTimeout(READY_LIMIT, self._reactor, lambda *_: _too_slow(new))
        yield ready
        self.retiring.discard(new)
        self._retire(slot)
        slot.worker, slot.backoff = new, Backoff()

    def _retire(self, slot: Slot) -> None:
        """Let the worker of `slot` finish, and kill it if it takes too long."""
        slot.give_up()
        old, slot.worker = slot.worker, None
        if old is None:
            return
        self.retiring.add(old)
        old.drain(0, replaced=True)
        overdue = self._reactor.callLater(self.plan.drain + GRACE, old.kill)
        old.ended.addCallback(lambda _: overdue.active() and overdue.cancel())

    def drain(self) -> Deferred[None]:
        """End: every worker finishes what it has; fires when all are gone. The sockets close after `drain_delay`."""
        self.stopping = True
        spare = self._drop_spare()
        for slot in self.slots:
            slot.give_up()
        left = self.workers
        for worker in left:
            worker.drain(self.plan.drain_delay)
        close = self._reactor.callLater(self.plan.drain_delay, self._binder.keep, ())
        limit = self.plan.drain_delay + self.plan.drain + GRACE
        overdue = self._reactor.callLater(limit, self.kill)
        ends = [_when_over(worker) for worker in (*left, spare) if worker is not None]
        gone = DeferredList(ends) if ends else succeed([])

        def over(_: Any) -> None:
            for call in (close, overdue):
                if call.active():
                    call.cancel()
            self._binder.keep(())
            os.close(self._null)

        return gone.addCallback(over)

    def _drop_spare(self) -> Worker | None:
        """Kill the spare worker, if there is one."""
        if self._spare_call is not None:
            self._spare_call.cancel()
            self._spare_call = None
        spare, self.spare = self.spare, None
        if spare is not None:
            spare.kill()
        return spare

    def kill(self) -> None:
        """End every worker at once."""
        self._drop_spare()
        for worker in self.workers:
            worker.kill()


def _when_over(worker: Worker) -> Deferred[None]:
    over: Deferred[None] = Deferred()
    worker.ended.addCallback(lambda how: over.callback(None))
    worker.ready.addErrback(lambda failure: failure.trap(WorkerDied) and None)
    return over


def _first_failure(failure: Any) -> Any:
    return failure.value.subFailure


def _too_slow(worker: Worker) -> None:
    worker.kill()
    raise WorkerDied(f"{worker.name} was not ready after {READY_LIMIT:g} s")
