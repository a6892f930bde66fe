"""Last good versions: what of a source stays in force when a document in it can no longer be used.

Pure: what was in force and what was read now -> what is in force. A broken document keeps the version that last
bore its name, else what stood at its identity (or in the ConfigMap that it may have been), unless those names have
moved to a good document of the same source. Without such a version it stays as bad, and closes the hosts it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from gwt.model.route import Route
from gwt.steps import Steps
from gwt.store.content import Doc

#: Documents between two yields.
STRIDE = 500

#: Documents in force by identity.
InForce = Mapping[str, Doc]


def in_force(before: InForce, docs: Sequence[Doc]) -> Steps[dict[str, Doc]]:
    """What is in force of a source once `docs` were read and `before` was in force."""
    result: dict[str, Doc] = {}
    memory: _Memory | None = None
    for number, doc in enumerate(docs):
        if doc.bad is None:
            result[doc.identity] = doc
        else:
            memory = memory or _Memory(before, docs)
            result.update((kept.identity, kept) for kept in memory.recall(doc))
        if number % STRIDE == 0:
            yield
    return result


def route_names(doc: Doc) -> Iterator[str]:
    """The names of the Routes of a good document."""
    return (part.name for part in doc.parts if isinstance(part, Route))


class _Memory:
    """What was in force, to be found by name and identity; nothing is given out twice."""

    def __init__(self, before: InForce, docs: Sequence[Doc]) -> None:
        self._before = {identity: doc for identity, doc in before.items() if doc.bad is None}
        self._by_name = {name: doc for doc in self._before.values() for name in route_names(doc)}
        self._names = {name for doc in docs for name in route_names(doc)}
        self._identities = {doc.identity for doc in docs}

    def recall(self, broken: Doc) -> list[Doc]:
        """The documents that take the place of `broken`: itself where nothing better is known."""
        assert broken.bad is not None
        for good in (self._by_name.get(broken.bad.name or ""), self._before.get(broken.identity)):
            if good is not None and self._take(good):
                return [replace(good, identity=broken.identity, index=broken.index, inner=broken.inner)]
        return (not broken.inner and self._opened()) or [broken]

    def _opened(self) -> list[Doc]:
        """What stood in a ConfigMap that is not to be seen any more: the broken document may be it."""
        missing = [doc for doc in self._before.values() if doc.inner and doc.identity not in self._identities]
        return [doc for doc in missing if self._take(doc)]

    def _take(self, doc: Doc) -> bool:
        names = set(route_names(doc))
        if not self._names.isdisjoint(names):
            return False
        self._names |= names
        self._identities.add(doc.identity)
        return True
