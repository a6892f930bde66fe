"""Resolution: what is known of one name, made from answers and time. Pure: time and chance come with each answer.

Last good addresses outlive whatever is no certain answer. What answers say is judged anew each time: a name that leads
to a denied address later on (DNS rebinding) has nothing there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from gwt.dns.message import AAAA, EMPTY, FAILED, FOUND, KINDS, MISSING, A, Answer
from gwt.dns.permits import Permits

#: Seconds for which an answer holds at least and at most, whatever its TTL.
SHORTEST, LONGEST = 5.0, 300.0

#: Seconds until a question is asked again that had no address for an answer: from, and how much more by chance.
AGAIN: Final = (5.0, 5.0)

#: By so much of itself, at most, is a time for which an answer holds another, so that names are not asked all at once.
JITTER: Final = 0.1

#: Seconds for which addresses are kept that can't be asked for: the least that RFC 8767 recommends. An outage of the
#: DNS is over by then; addresses that nobody vouches for longer than that may be somebody else's by now.
STALE: Final = 86_400.0

#: NXDOMAINs in a row until a name is believed to be gone.
TWICE: Final = 2

#: Seconds for which a name that is there, without addresses, keeps those it had: balancers that work by DNS say so
#: while all that they know of is ill.
EMPTIED: Final = 300.0

#: Addresses of one name that are taken, the first in their order, so that it is the same ones next time.
MOST: Final = 128

Answers = Mapping[int, Answer]


class Resolution:
    """`addresses` are what the name leads to now, IPv4 first; `refused` those of the last answer that are denied.

    `why`: what keeps the name from being resolved, "" while nothing does. `answered`: it was asked for, however that
    ended; `certain`: an answer has said once where it leads to.
    """

    def __init__(self, permits: Permits) -> None:
        self._permits = permits
        self.addresses: tuple[str, ...] = ()
        self.refused: tuple[str, ...] = ()
        self.why, self.answered, self.certain = "", False, False
        self._held: dict[int, tuple[str, ...]] = dict.fromkeys(KINDS, ())
        self._good_at: dict[int, float] = dict.fromkeys(KINDS, 0.0)
        self._missing = 0
        self._emptied_at: float | None = None

    def seed(self, addresses: Iterable[str], now: float) -> None:
        """What the name led to when somebody else asked; good until an answer says otherwise."""
        if self.certain:
            return
        found = list(addresses)
        for kind in KINDS:
            self._hold(kind, [one for one in found if (":" in one) == (kind == AAAA)], now)
        self._join()

    def take(self, answers: Answers, now: float, chance: float) -> float:
        """Believe `answers`, one of each of KINDS, as far as they go; seconds until it is to be asked again."""
        self.answered = True
        outcomes = {one.outcome for one in answers.values()}
        certain = FOUND in outcomes
        missing = MISSING in outcomes and not certain
        failing = FAILED in outcomes and not certain and not missing
        self._missing = self._missing + 1 if missing else 0
        if outcomes != {EMPTY}:
            self._emptied_at = None
        elif self._emptied_at is None:
            self._emptied_at = now
        if certain:
            self.certain = True
            self._believe(answers, now)
        elif self._missing >= TWICE or (self._emptied_at is not None and now - self._emptied_at >= EMPTIED):
            self._drop()
        for kind in KINDS:
            if now - self._good_at[kind] > STALE:
                self._held[kind] = ()
        self._join()
        self.why = "" if certain else _why(answers, FAILED if failing else MISSING if missing else EMPTY)
        if not certain:
            return AGAIN[0] + AGAIN[1] * chance
        return holds(min(one.ttl for one in answers.values() if one.outcome == FOUND), chance)

    def _believe(self, answers: Answers, now: float) -> None:
        """What was found holds; a kind that can't be asked for keeps what it had."""
        self.refused = ()
        for kind, one in answers.items():
            if one.outcome != FAILED:
                self._hold(kind, one.addresses, now)

    def _hold(self, kind: int, addresses: Iterable[str], now: float) -> None:
        good: list[str] = []
        refused = list(self.refused)
        for one in sorted(set(addresses)):
            if len(good) == MOST:
                break
            judged = self._permits.address(one)
            if judged is None:
                refused.append(one)
            else:
                good.append(judged)
        self._held[kind], self._good_at[kind], self.refused = tuple(good), now, tuple(refused)

    def _drop(self) -> None:
        self.certain = True
        self._held = dict.fromkeys(KINDS, ())
        self.refused = ()

    def _join(self) -> None:
        found = sorted({*self._held[A], *self._held[AAAA]}, key=lambda one: (":" in one, one))
        self.addresses = tuple(found[:MOST])


def holds(ttl: float, chance: float) -> float:
    """Seconds for which an answer with that TTL is good: within bounds, and not for all names alike."""
    held = min(max(ttl, SHORTEST), LONGEST)
    spread = JITTER * held * chance
    return held + spread if held < 2 * SHORTEST else held - spread


def _why(answers: Answers, outcome: str) -> str:
    return next(one.why for one in answers.values() if one.outcome == outcome)
