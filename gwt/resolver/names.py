"""Names: follows the names of a Book: asks for those that are due, and tells of those that lead elsewhere now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gwt.dns.book import Book, Change
from gwt.dns.message import EMPTY, FAILED, FOUND, KINDS, MISSING, failed
from gwt.dns.resolution import Answers
from gwt.metrics import Metrics

#: By name; an answer for each of KINDS.
Lookup = Callable[[str], Deferred[Answers]]


class Names:
    """`changed(name, gone)` is called when a name leads elsewhere; `gone`: an address that was there is no more.

    `metrics` count under `prefix`.
    """

    log = Logger("gwt.names")

    def __init__(self, clock: Any, book: Book, lookup: Lookup, metrics: Metrics, prefix: str = "gwt") -> None:
        self._clock, self._book, self._lookup = clock, book, lookup
        self.changed: Callable[[str, bool], None] = lambda name, gone: None
        self._asking: dict[Deferred[Answers], None] = {}
        self._timer: Any = None
        self._stopped = False
        self._waiting: list[Deferred[None]] = []
        help, gauge = "Questions for addresses of external names, by how they ended.", metrics.gauge
        self._lookups = {
            outcome: metrics.counter(f"{prefix}_external_lookups_total", help, outcome=outcome)
            for outcome in (FOUND, EMPTY, MISSING, FAILED)
        }
        self._gauges = (
            gauge(f"{prefix}_external_names", "Names of ExternalName Services that are followed.", "max"),
            gauge(f"{prefix}_external_names_unresolved", "Those that can't be resolved now.", "max"),
            gauge(f"{prefix}_external_addresses_refused", "Addresses of theirs that are denied.", "max"),
        )

    def stop(self) -> None:
        """Ask no more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for asked in list(self._asking):
            asked.cancel()
        self._release()

    def want(self, name: str, wanted: bool) -> None:
        """Follow a name, or do so no more."""
        if wanted:
            self._book.want(name, self._clock.seconds())
        else:
            self._book.drop(name)
        self._settle()

    def seed(self, name: str, addresses: Iterable[str]) -> None:
        """What a name that is followed led to when somebody else asked: good until it is answered."""
        self._tell(name, self._book.seed(name, addresses, self._clock.seconds()))

    def addresses(self, name: str) -> tuple[str, ...]:
        """What a name leads to now."""
        return self._book.addresses(name)

    def settled(self, seconds: float) -> Deferred[None]:
        """Fires when each name has been answered, and after so many seconds at the latest."""
        done: Deferred[None] = Deferred()
        if not self._book.settled and not self._stopped:
            self._waiting.append(done)
            return done.addTimeout(seconds, self._clock, lambda result, _: None)
        done.callback(None)
        return done

    def _settle(self) -> None:
        """After any change: plan what is next, and show how it stands."""
        if self._stopped:
            return
        book = self._book
        for gauge, value in zip(self._gauges, (len(book), book.unresolved, book.refused), strict=True):
            gauge.set(value)
        if self._book.settled:
            self._release()
        at = self._book.next_at()
        if at is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.callLater(max(at - self._clock.seconds(), 0.0), self._ask)

    def _release(self) -> None:
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            if not done.called:
                done.callback(None)

    def _ask(self) -> None:
        self._timer = None
        for name in self._book.due(self._clock.seconds()):
            asked = self._lookup(name)
            self._asking[asked] = None
            asked.addErrback(self._broken, name).addCallback(self._answered, name, asked)
        self._settle()

    def _broken(self, failure: Failure, name: str) -> Answers:
        if not self._stopped:
            self.log.failure("a bug: {name} can't be looked up", failure, name=name)
        return dict.fromkeys(KINDS, failed("the look-up broke"))

    def _answered(self, answers: Answers, name: str, asked: Deferred[Answers]) -> None:
        self._asking.pop(asked, None)
        if self._stopped:
            return
        for one in answers.values():
            self._lookups[one.outcome].inc()
        change = self._book.answered(name, answers, self._clock.seconds())
        self._tell(name, change)
        self._settle()

    def _tell(self, name: str, change: Change | None) -> None:
        if change is not None:
            self.changed(name, change.gone)
