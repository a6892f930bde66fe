"""The supervisor: binds, keeps N workers alive on what it has bound, replaces them one by one, ends them.

It serves nothing itself. A slot is a place for a worker: it keeps its number, its sockets and its back-off while
workers come and go in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks, succeed
from twisted.logger import Logger

from gwt.sockets import Binder, Key
from gwt.workers import Assignment, Backoff, Worker, WorkerDied, launch

#: Seconds that a new worker may take to become ready before a reload gives up on it.
READY_LIMIT = 60.0
#: Seconds beyond what a drain may take after which a worker is killed.
GRACE = 5.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What the workers are to be: how many, what each is told, how long a drain takes."""

    count: int
    assignment: Assignment
    drain: float
    drain_delay: float


@dataclass(eq=False, slots=True)
class Slot:
    """A place for one worker."""

    index: int
    worker: Worker | None = None
    backoff: Backoff = field(default_factory=Backoff)
    retry: Any = None


class Supervisor:
    """Keeps `plan.count` workers on the sockets of `binder`.

    `spawn(launch)` makes a Worker (a parameter for tests). `restarts` counts workers that died unasked,
    and `on_restart` is called for each.
    """

    log = Logger("gwt.supervisor")

    def __init__(self, reactor: Any, binder: Binder, plan: Plan, spawn: Callable[..., Worker] = Worker) -> None:
        self._reactor, self._binder, self._spawn = reactor, binder, spawn
        self.plan = plan
        self.slots: list[Slot] = []
        self.retiring: set[Worker] = set()
        self.restarts = 0
        self.on_restart: Callable[[], None] = lambda: None
        self.stopping = False
        self._null = os.open(os.devnull, os.O_RDONLY)

    @property
    def workers(self) -> list[Worker]:
        """Every child that has not ended yet."""
        return [slot.worker for slot in self.slots if slot.worker is not None] + list(self.retiring)

    def start(self) -> Deferred[list[dict[str, Any]]]:
        """Start all workers; fires with their reports when all are ready, fails with WorkerDied if one can't be."""
        self.slots = [Slot(index) for index in range(self.plan.count)]
        ready = [self._begin(slot).ready for slot in self.slots]
        done: Deferred[Any] = DeferredList(ready, fireOnOneErrback=True, consumeErrors=True)
        return done.addCallbacks(lambda results: [report for _, report in results], _first_failure)

    def _begin(self, slot: Slot) -> Worker:
        """A new worker in `slot`, whatever was there before."""
        worker = self._make(slot.index)
        slot.worker = worker
        self._watch(slot, worker)
        worker.spawn()
        return worker

    def _make(self, index: int) -> Worker:
        told = self.plan.assignment
        values = {name: getattr(told, name) for name in told.__dataclass_fields__}
        assignment = Assignment(**{**values, "index": index + 1})
        return self._spawn(self._reactor, launch(assignment, self.shares(index), self._null))

    def shares(self, index: int) -> Mapping[Key, Sequence[Any]]:
        """The sockets of slot `index`: its own of each that exists once a worker, and those that are shared."""
        return {
            key: socks[index :: self.plan.count] if len(socks) > 1 else socks
            for key, socks in self._binder.held.items()
        }

    def _watch(self, slot: Slot, worker: Worker) -> None:
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
            worker = self._begin(slot)
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

    @inlineCallbacks
    def _replace_one(self, slot: Slot) -> Any:
        new = self._make(slot.index)
        new.ended.addCallback(lambda how: self._ended(slot, new, how))
        self.retiring.add(new)
        new.spawn()
        ready: Deferred[Any] = Deferred()
        new.ready.addCallbacks(ready.callback, ready.errback)
        ready.addTimeout(READY_LIMIT, self._reactor, lambda *_: _too_slow(new))
        yield ready
        self.retiring.discard(new)
        self._retire(slot)
        slot.worker, slot.backoff = new, Backoff()

    def _retire(self, slot: Slot) -> None:
        """Let the worker of `slot` finish, and kill it if it takes too long."""
        if slot.retry is not None:
            slot.retry.cancel()
            slot.retry = None
        old, slot.worker = slot.worker, None
        if old is None:
            return
        self.retiring.add(old)
        old.drain(0)
        overdue = self._reactor.callLater(self.plan.drain + GRACE, old.kill)
        old.ended.addCallback(lambda _: overdue.active() and overdue.cancel())

    def drain(self) -> Deferred[None]:
        """End: every worker finishes what it has; fires when all are gone. The sockets close after `drain_delay`."""
        self.stopping = True
        for slot in self.slots:
            if slot.retry is not None:
                slot.retry.cancel()
        left = self.workers
        for worker in left:
            worker.drain(self.plan.drain_delay)
        close = self._reactor.callLater(self.plan.drain_delay, self._binder.keep, ())
        limit = self.plan.drain_delay + self.plan.drain + GRACE
        overdue = self._reactor.callLater(limit, self.kill)
        gone = DeferredList([_when_over(worker) for worker in left]) if left else succeed([])

        def over(_: Any) -> None:
            for call in (close, overdue):
                if call.active():
                    call.cancel()
            self._binder.keep(())
            os.close(self._null)

        return gone.addCallback(over)

    def kill(self) -> None:
        """End every worker at once."""
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
