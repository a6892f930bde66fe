"""What changed between two states of a store: the one form in which a store speaks to the compiler.

A Delta names things by key and gives their new value; None as a value means "gone", None instead
of a whole part means "unchanged". Applying Deltas in order, or their `merged` sum once, ends in
the same state, so changes that overlap coalesce.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gwt.model.certificate import Certificate
from gwt.model.route import Problem, Quarantined, Route, Rule, ServiceSpec

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Delta:
    """One step of a store's history.

    `routes` by name; a document without a last good version stands under `quarantine_key` of its
    identity, which no name can collide with. `services` by service key. `problems` is the whole
    list of what is wrong with documents now (what the compiler finds itself is added by it).
    `services_revision` and `certificates_revision` are those of their parts where the store counts them apart.
    """

    revision: int
    routes: Mapping[str, Route | Quarantined | None] = field(default_factory=dict)
    services: Mapping[str, ServiceSpec | None] = field(default_factory=dict)
    rules: tuple[Rule, ...] | None = None
    lists: Mapping[str, tuple[str, ...]] | None = None
    consumers: Mapping[str, Any] | None = None
    problems: tuple[Problem, ...] | None = None
    certificates: Mapping[str, Certificate] | None = None
    services_revision: int | None = None
    certificates_revision: int | None = None

    def __bool__(self) -> bool:
        """False where nothing changed, whatever the revisions."""
        parts = (self.rules, self.lists, self.consumers, self.problems, self.certificates)
        return bool(self.routes or self.services) or any(part is not None for part in parts)

    @property
    def endpoints_only(self) -> bool:
        """True where the router can be shared: nothing but services (problems, certificates) changed."""
        return not self.routes and self.rules is None and self.lists is None and self.consumers is None

    def merged(self, later: Delta) -> Delta:
        """This Delta and then `later`, as one."""
        return Delta(
            later.revision,
            {**self.routes, **later.routes},
            {**self.services, **later.services},
            _last(self.rules, later.rules),
            _last(self.lists, later.lists),
            _last(self.consumers, later.consumers),
            _last(self.problems, later.problems),
            _last(self.certificates, later.certificates),
            _last(self.services_revision, later.services_revision),
            _last(self.certificates_revision, later.certificates_revision),
        )


def quarantine_key(identity: str) -> str:
    """The key of a quarantined document in `Delta.routes`: starts with NUL, which names may not hold."""
    return "\0" + identity


def _last(earlier: T | None, later: T | None) -> T | None:
    return earlier if later is None else later
