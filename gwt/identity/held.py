"""What is held of a session that the user system was asked about, and what follows from each of its answers.

Pure decisions. Times are seconds on a monotonic clock, `wall` is seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from gwt.identity.claims import expiry, identity_of
from gwt.identity.identity import Identity

#: Seconds for which "not known" is believed.
UNKNOWN_FOR = 2.0
#: Seconds after a failure for which an identity that stands in is not asked for again.
PATIENCE = 1.0


@dataclass(frozen=True, slots=True)
class Held:
    """The last answer about a session: an identity, or that it is not known (None).

    Before `fresh` it is the answer. An identity may stand in before `stale` while the user system fails, and after a
    failure does so without a question before `again`.
    """

    identity: Identity | None
    fresh: float
    stale: float = 0.0
    again: float = 0.0

    def answers(self, now: float) -> bool:
        """Whether nobody has to be asked."""
        return now < self.fresh or now < min(self.again, self.stale)


def known(claims: Mapping[str, Any], now: float, wall: float, ttl: float, grace: float) -> Held:
    """After "this is who it is": held for `ttl`, standing in for `grace` more, neither beyond `exp`.

    Raises BadClaims. Claims whose `exp` has passed are a session that is not known.
    """
    exp = expiry(claims)
    left = inf if exp is None else exp - wall
    if left <= 0:
        return unknown(now)
    fresh = now + min(ttl, left)
    return Held(identity_of(claims, fresh), fresh, now + min(ttl + grace, left))


def unknown(now: float) -> Held:
    """After "nobody I know": whatever was held before."""
    return Held(None, now + UNKNOWN_FOR)


def failed(held: Held | None, now: float) -> Held | None:
    """After no answer, or none that can be used: what may stand in; None where nothing may."""
    if held is None or held.identity is None or now >= held.stale:
        return None
    return replace(held, again=now + PATIENCE)
