"""Stock: what was read of a shared store, as it stands there, and what becomes of it when more is read."""

from __future__ import annotations

from gwt.delta import Delta
from gwt.steps import Steps
from gwt.store.catalog import Catalog
from gwt.store.entries import entry_content
from gwt.store.follow import PART_OF, PARTS, Question
from gwt.store.reader import Found


class Stock:
    """`raw` is by hash and name what stands there."""

    def __init__(self) -> None:
        self.raw: dict[str, dict[str, bytes]] = {hash_: {} for hash_ in PART_OF}
        self._catalog = Catalog()

    def names(self, part: str) -> list[str]:
        """HASH/NAME of all entries of `part`."""
        return [f"{hash_}/{name}" for hash_ in PARTS[part] for name in self.raw[hash_]]

    def take(self, question: Question, found: Found) -> Steps[Delta]:
        """What was `found` takes the place of what the question asks for; the Delta that this makes."""
        for hash_ in PARTS[question.part]:
            raw, entries = self.raw[hash_], found[hash_]
            gone = raw.keys() - entries.keys() if question.names is None else ()
            for name in [*entries, *gone]:
                value = entries.get(name)
                if value == raw.get(name):
                    continue
                if value is None:
                    del raw[name]
                    self._catalog.remove(f"{hash_}/{name}")
                else:
                    raw[name] = value
                    self._catalog.put(f"{hash_}/{name}", entry_content(hash_, name, value))
                yield
        return (yield from self._catalog.settle())
