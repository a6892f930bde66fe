"""Catalog: every document of a store put together, and what changed since the last time that was asked.

Pure and incremental: a change costs what it touches. Sources are noted (`put`, `remove`) at once and worked in by
`settle`, which yields often and ends in a Delta. Here names are made unique, last good versions kept and Kubernetes
objects joined to services. Where two documents want one name, the first by source name and position has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

from gwt.delta import Delta, quarantine_key
from gwt.model.certificate import Certificate
from gwt.model.route import Problem, Route, ServiceSpec
from gwt.steps import Steps
from gwt.store.claims import Place
from gwt.store.content import (
    EMPTY,
    CertificatePart,
    ConsumerPart,
    Content,
    Doc,
    KubePart,
    ListPart,
    Part,
    RulesPart,
    ServicePart,
)
from gwt.store.kubejoin import KubeJoin
from gwt.store.lastgood import in_force
from gwt.store.shelves import RouteShelf, RuleShelf, Shelf, TableShelf, all_problems

#: Documents compared between two yields.
STRIDE = 32


class Catalog:
    """The state of a store as documents. Not for concurrent use: one `settle` at a time."""

    def __init__(self) -> None:
        self.revision = 0
        self._pending: dict[str, Content] = {}
        self._docs: dict[str, dict[str, Doc]] = {}
        self._problems: dict[str, tuple[Problem, ...]] = {}
        self._failed: dict[str, Problem] = {}
        self.problems_given: tuple[Problem, ...] = ()
        self.routes = RouteShelf()
        self.services: Shelf[ServiceSpec] = Shelf()
        self.lists: TableShelf[tuple[str, ...]] = TableShelf()
        self.consumers: TableShelf[Mapping[str, Any]] = TableShelf()
        self.certificates: TableShelf[Certificate] = TableShelf()
        self.rules = RuleShelf()
        self.kube = KubeJoin()

    def put(self, source: str, content: Content) -> None:
        """`source` now holds `content`. Takes effect with the next `settle`."""
        self._pending[source] = content
        self._failed.pop(source, None)

    def remove(self, source: str) -> None:
        """`source` is gone, and what it held with it."""
        self.put(source, EMPTY)

    def fail(self, source: str, problem: Problem) -> None:
        """`source` can't be read now: what it held stays in force; `problem` stands until the next `put` or `heal`."""
        self._failed[source] = problem

    def heal(self, source: str) -> None:
        """`source` can be read again and holds what it held."""
        self._failed.pop(source, None)

    @property
    def waiting(self) -> int:
        """How many sources and documents were noted since `settle` was begun."""
        return len(self._pending) + sum(len(content.docs) for content in self._pending.values())

    def settle(self) -> Steps[Delta]:
        """Work in what was noted; ends in what changed by it. A Delta that says nothing keeps the revision."""
        pending, self._pending = self._pending, {}
        for source in sorted(pending):
            yield from self._replace(source, pending[source])
        yield from self.kube.settle(self.services)
        routes = yield from self.routes.settle()
        services = yield from self.services.settle()
        lists = yield from self.lists.settle_whole()
        consumers = yield from self.consumers.settle_whole()
        certificates = yield from self.certificates.settle_whole()
        problems = self._settle_problems()
        delta = Delta(
            self.revision + 1, routes, services, self.rules.settle(), lists, consumers, problems, certificates
        )
        if delta:
            self.revision = delta.revision
        return delta

    def _replace(self, source: str, content: Content) -> Steps[None]:
        before = self._docs.get(source, {})
        after = (yield from in_force(before, content.docs)) if content.readable else before
        gone = [identity for identity, doc in before.items() if after.get(identity) != doc]
        for number, identity in enumerate(gone):
            self._drop(source, before[identity])
            if number % STRIDE == 0:
                yield
        staying = before.keys() - gone
        for number, (identity, doc) in enumerate(after.items()):
            if identity not in staying:
                self._put(source, doc)
            if number % STRIDE == 0:
                yield
        _keep(self._docs, source, after)
        _keep(self._problems, source, content.problems)

    def _put(self, source: str, doc: Doc) -> None:
        if doc.bad is not None:
            self.routes.put(quarantine_key(doc.identity), Place(source, doc.index, 0, doc.identity), doc.bad)
        for number, part in enumerate(doc.parts):
            self._shelve(part, Place(source, doc.index, number, doc.identity))

    def _drop(self, source: str, doc: Doc) -> None:
        if doc.bad is not None:
            self.routes.drop(quarantine_key(doc.identity), Place(source, doc.index, 0, doc.identity))
        for number, part in enumerate(doc.parts):
            self._unshelve(part, Place(source, doc.index, number, doc.identity))

    def _shelve(self, part: Part, place: Place) -> None:
        match part:
            case Route():
                self.routes.put(part.name, place, part)
            case ServicePart():
                self.services.put(part.spec.key, Place(*place[:-1], part.line), part.spec)
            case RulesPart():
                self.rules.put(place, part.rules)
            case ListPart():
                self.lists.put(part.name, place, part.cidrs)
            case ConsumerPart():
                self.consumers.put(part.name, place, part.conf)
            case CertificatePart():
                self.certificates.put(part.name, place, part.certificate)
            case KubePart():
                self.kube.put(part, place)

    def _unshelve(self, part: Part, place: Place) -> None:
        match part:
            case Route():
                self.routes.drop(part.name, place)
            case ServicePart():
                self.services.drop(part.spec.key, Place(*place[:-1], part.line))
            case RulesPart():
                self.rules.drop(place)
            case ListPart():
                self.lists.drop(part.name, place)
            case ConsumerPart():
                self.consumers.drop(part.name, place)
            case CertificatePart():
                self.certificates.drop(part.name, place)
            case KubePart():
                self.kube.drop(part, place)

    def _settle_problems(self) -> tuple[Problem, ...] | None:
        said = chain.from_iterable(self._problems[source] for source in sorted(self._problems))
        failed = (self._failed[source] for source in sorted(self._failed))
        joined = all_problems(self.routes, self.services, self.lists, self.consumers, self.certificates)
        problems = (*failed, *said, *joined)
        if problems == self.problems_given:
            return None
        self.problems_given = problems
        return problems


def _keep(table: dict[str, Any], source: str, value: Any) -> None:
    if value:
        table[source] = value
    else:
        table.pop(source, None)
