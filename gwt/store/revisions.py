"""Revisions: what an earlier one said, and the commit that brings it back. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from gwt.store.commit import REMEMBERED, Commit, Revision, entry_of, label_of
from gwt.store.entries import Entry, read_entry

#: Of an absent value.
NOTHING: Any = object()


class Forgotten(Exception):
    """The history does not reach back that far; one line for people."""


def undone(history: Sequence[Revision], now: int, rev: int, counted: bool = True) -> dict[str, tuple[Any, Any]]:
    """By label what stood there at revision `rev` and what does now (None: nothing), of all that has changed since.

    `now` is the last revision; `counted`: each revision is one more than the one before. Raises Forgotten.
    """
    since = {one.rev: one for one in history if rev < one.rev <= now}
    missing = [number for number in range(rev + 1, now + 1) if number not in since] if counted else []
    if not counted and rev and len(history) >= REMEMBERED and rev < history[0].rev:
        missing = [rev + 1]
    if rev < 0 or rev > now:
        raise Forgotten(f"there is no revision {rev}: the last is {now}")
    if missing:
        raise Forgotten(f"revision {missing[-1]} is not remembered, so that {rev} can't be told any more")
    found: dict[str, tuple[Any, Any]] = {}
    for number in sorted(since):
        for label, (before, after) in since[number].changed.items():
            found[label] = (found[label][0] if label in found else before, after)
    return found


def rollback(
    history: Sequence[Revision], now: int, rev: int, actor: str, time: float, counted: bool = True
) -> Commit | None:
    """What brings revision `rev` back; None where nothing is another. Raises Forgotten.

    Entries of the controller are held at what they were, even where that is nothing: it leaves them alone until their
    ConfigMap changes.
    """
    entries: dict[str, dict[str, str | None]] = {}
    for label, (before, after) in undone(history, now, rev, counted).items():
        if before != after:
            hash_, name = entry_of(label)
            entries.setdefault(hash_, {})[name] = _back(before, after, rev)
    return Commit("routes", entries, actor, f"rollback to revision {rev}", time, now) if entries else None


def _back(before: Any, after: Any, rev: int) -> str | None:
    last = _entry(after)
    if before is None:
        gone = last is not None and last.source == "kube"
        return last._replace(doc=None, held=rev).text() if last is not None and gone else None
    entry = _entry(before)
    if entry is None:
        return str(before)  # it was no JSON then either
    return entry._replace(held=rev if entry.source == "kube" else None).text()


def released(found: Mapping[str, Mapping[str, bytes | None]]) -> dict[str, str | None]:
    """By label what is to stand instead of each entry, by hash and name, that a rollback holds.

    None: nothing, since it is held at that. The controller does with it then as its ConfigMap asks.
    """
    labels: dict[str, str | None] = {}
    for hash_, entries in found.items():
        for name, raw in entries.items():
            if raw is None or b'"held"' not in raw:
                continue
            with suppress(ValueError, RecursionError):
                entry = read_entry(raw)
                if entry.source == "kube" and entry.held is not None:
                    text = None if entry.doc is None else entry._replace(held=None).text()
                    labels[label_of(hash_, name)] = text
    return labels


def _entry(value: Any) -> Entry | None:
    try:
        return None if value is None or isinstance(value, str) else read_entry(json.dumps(value))
    except ValueError:
        return None


def summary(one: Revision) -> Mapping[str, Any]:
    """A revision for a list: what it changed by name only."""
    return {"rev": one.rev, "time": one.time, "actor": one.actor, "reason": one.reason, "changed": sorted(one.changed)}


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(field, before, after) of whatever differs; items of lists are compared by their place."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in [*before, *(key for key in after if key not in before)]:
            inner = f"{path}.{key}" if path else str(key)
            yield from differences(before.get(key, NOTHING), after.get(key, NOTHING), inner)
    elif isinstance(before, list) and isinstance(after, list):
        for number in range(max(len(before), len(after))):
            old = before[number] if number < len(before) else NOTHING
            new = after[number] if number < len(after) else NOTHING
            yield from differences(old, new, f"{path}[{number}]")
    elif before is not after and (before is NOTHING or after is NOTHING or before != after):
        yield path, before, after
