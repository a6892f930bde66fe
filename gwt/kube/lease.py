"""Election: who of several controllers leads, by a Lease of coordination.k8s.io. Pure: no connection, no clock.

No two clocks are compared: a Lease has run out when we have not seen it renewed for as long as it lasts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds: a Lease lasts `duration`, who can't renew it for `renew` leads no more, it is tried every `retry`."""

    duration: float = 10.0
    renew: float = 7.0
    retry: float = 2.0


class Election:
    """`identity` is ours. `epoch` is what our commits are fenced with while `leads(now)`."""

    def __init__(self, name: str, namespace: str, identity: str, terms: Terms) -> None:
        self.name, self.namespace, self.identity, self.terms = name, namespace, identity, terms
        self.epoch = 0
        self.holder = ""
        self._renewed: float | None = None
        self._seen: tuple[Any, ...] | None = None
        self._seen_at = 0.0
        self._floor = 0

    def leads(self, now: float) -> bool:
        """Whether we may write."""
        return self._renewed is not None and now - self._renewed < self.terms.renew

    @property
    def left(self) -> float | None:
        """When leadership ends, by our clock, unless it is renewed; None: it has not begun."""
        return None if self._renewed is None else self._renewed + self.terms.renew

    def decide(self, lease: Object | None, now: float, wall: float) -> dict[str, Any] | None:
        """The Lease to write over `lease` (None: there is none), or None: somebody else has it. `wall` is Unix time."""
        spec = _spec(lease)
        self.holder = str(spec.get("holderIdentity") or "")
        mark = (self.holder, spec.get("renewTime"), spec.get("leaseTransitions"))
        if mark != self._seen:
            self._seen, self._seen_at = mark, now
        lasts = spec.get("leaseDurationSeconds")
        lasts = float(lasts) if isinstance(lasts, int | float) and lasts > 0 else self.terms.duration
        if self.holder and self.holder != self.identity and now - self._seen_at < lasts:
            self.lost()
            return None
        return self._ours(lease, spec, wall)

    def wrote(self, lease: Object, asked_at: float) -> None:
        """The server took what `decide` gave; `asked_at` is when we asked for it."""
        spec = _spec(lease)
        self.epoch = _number(spec.get("leaseTransitions"))
        self._floor = max(self._floor, self.epoch)  # the Lease may be deleted, the store remembers
        self.holder = self.identity
        self._renewed = asked_at

    def lost(self) -> None:
        """Somebody else leads, or may."""
        self._renewed = None

    def fenced(self, epoch: int) -> None:
        """The store has seen `epoch`, higher than ours: if the Lease is ours all the same, it was made anew."""
        self._floor = max(self._floor, epoch)
        self.lost()

    def released(self, lease: Object, wall: float) -> dict[str, Any] | None:
        """The Lease to write so that another may lead at once; None where it is not ours."""
        spec = _spec(lease)
        if spec.get("holderIdentity") != self.identity:
            return None
        value = self._ours(lease, spec, wall)
        value["spec"].update(holderIdentity="", leaseDurationSeconds=1)
        return value

    def _ours(self, lease: Object | None, spec: Object, wall: float) -> dict[str, Any]:
        now = datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        taken = spec.get("holderIdentity") != self.identity or self._renewed is None
        transitions = _number(spec.get("leaseTransitions"))
        if taken:
            transitions = max(transitions, self._floor) + 1
        found = {} if lease is None else lease["metadata"]  # labels and owners too: they are somebody else's
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {**found, "name": self.name, "namespace": self.namespace},
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": max(1, round(self.terms.duration)),
                "acquireTime": now if taken else spec.get("acquireTime") or now,
                "renewTime": now,
                "leaseTransitions": transitions,
            },
        }


def _spec(lease: Object | None) -> Object:
    spec = lease.get("spec") if lease is not None else None
    return spec if isinstance(spec, Mapping) else {}


def _number(value: Any) -> int:
    return value if type(value) is int and value >= 0 else 0
