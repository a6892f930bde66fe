"""MemoryStore: documents that the program itself puts in (`memory:`), for embedding and for tests.

store.put("routes.yaml", "hosts: [example.com]\\nservices: ...")
store.put_documents("upstreams", [UpstreamsDoc(...)])
store.delete("routes.yaml")
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from gwt.delta import Delta
from gwt.model.parse import Document
from gwt.model.route import Problem
from gwt.store.base import Apply
from gwt.store.catalog import Catalog
from gwt.store.content import Content
from gwt.store.pace import Pacer
from gwt.store.parts import docs_of, read_content


class MemoryStore:
    """Changes are handed over in the next turn of the event loop; those that come before that, as one."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._pacer = Pacer(clock)
        self._catalog = Catalog()
        self._apply: Apply | None = None
        self._call: Any = None
        self._work: Deferred[Any] | None = None
        self._sources: set[str] = set()

    def put(self, name: str, text: str) -> tuple[Problem, ...]:
        """The documents of `text` take the place of what `name` held. Returns what is wrong with them."""
        content = read_content(text.encode(), name)
        self._put(name, content)
        return content.problems

    def put_documents(self, name: str, documents: Iterable[Document]) -> None:
        """The same for documents that are values already; their `source` should have `name` as its file."""
        self._put(name, Content(docs_of(documents)))

    def delete(self, name: str) -> None:
        """`name` holds nothing any more."""
        self._sources.discard(name)
        self._catalog.remove(name)
        self._soon()

    def start(self, apply: Apply) -> Deferred[None]:
        """See `Store.start`."""
        self._apply = apply
        return self._pacer.run(self._catalog.settle()).addCallback(apply)

    def pull(self) -> Deferred[None]:
        """See `Store.pull`. Nothing to do: changes were noticed when they were made."""
        return succeed(None)

    def stop(self) -> Deferred[None]:
        """See `Store.stop`."""
        self._apply = None
        if self._call is not None:
            self._call.cancel()
            self._call = None
        return succeed(None)

    def describe(self) -> str:
        """How many sources there are."""
        return f"memory: ({len(self._sources)} sources)"

    def _put(self, name: str, content: Content) -> None:
        self._sources.add(name)
        self._catalog.put(name, content)
        self._soon()

    def _soon(self) -> None:
        if self._apply is not None and self._call is None and self._work is None:
            self._call = self._clock.callLater(0, self._settle)

    def _settle(self) -> None:
        self._call = None
        self._work = self._pacer.run(self._catalog.settle())
        self._work.addBoth(self._settled)

    def _settled(self, result: Delta | Failure) -> Failure | None:
        self._work = None
        if isinstance(result, Failure):
            return result  # a flaw in gwt; it is logged as unhandled, and the next change is tried all the same
        if self._apply is not None and result:
            self._apply(result)
        if self._catalog.waiting:
            self._soon()
        return None
