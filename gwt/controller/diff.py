"""What the store should hold against what it holds: the changes to commit. Pure.

Only entries of source kube are the controller's. One that is held stays as it is until its ConfigMap asks for
something else than when it was held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from gwt.controller.maps import Asked, Desired
from gwt.controller.secrets import Wanted, namespace_of
from gwt.steps import Steps
from gwt.store.commit import Revision, label_of
from gwt.store.entries import Entry, read_entry

#: Entries looked at between two yields.
STRIDE: Final = 16

#: By name the text of an entry, None where it goes.
Changes = dict[str, str | None]
Stored = Mapping[str, bytes]


class RouteChanges(NamedTuple):
    """`changes` to commit; `foreign` names are somebody else's and stay, as do `held` ones. `closed` are the documents
    of which only the hosts stand in the store, by the name of the entry."""

    changes: Changes
    foreign: frozenset[str]
    held: frozenset[str]
    closed: Mapping[str, Asked] = {}


def service_changes(entries: Mapping[str, str], stored: Stored, keys: Iterable[str] | None) -> Steps[Changes]:
    """Of these keys (None: of all)."""
    changes: Changes = {}
    for number, key in enumerate({*entries, *stored} if keys is None else list(keys), 1):
        text, raw = entries.get(key), stored.get(key)
        same = (raw is None) if text is None else (raw == text.encode())
        if not same and (raw is None or _is_ours(raw)):
            changes[key] = text
        if number % STRIDE == 0:
            yield
    return changes


def _is_ours(raw: bytes) -> bool:
    if raw.startswith(b'{"source":"kube",'):
        return True
    entry = _parsed(raw)
    return isinstance(entry, dict) and entry.get("source") == "kube"


def _parsed(raw: bytes) -> Any:
    entry = read(raw)
    return None if entry is None else entry.doc


def read(raw: bytes | None) -> Entry | None:
    """The entry, None where there is none; what is no JSON is somebody else's."""
    if raw is None:
        return None
    try:
        return read_entry(raw)
    except (ValueError, RecursionError):
        return Entry(None)


def route_changes(desired: Desired, stored: Stored, baselines: Mapping[str, Any]) -> Steps[RouteChanges]:
    """`baselines`: by name of each held entry what its ConfigMap asked for when it was held (None: nothing)."""
    changes: Changes = {}
    foreign, held = set(), set()
    kept: dict[str, Entry] = {}
    for number, name in enumerate({**stored, **desired.docs}, 1):
        entry, asked = read(stored.get(name)), desired.docs.get(name)
        if entry is not None and entry.source != "kube":
            kept[name] = entry
            if asked is not None:
                foreign.add(name)
        elif entry is not None and entry.held is not None and _stays(name, entry, asked, desired, baselines):
            kept[name] = entry
            held.add(name)
        elif asked is not None:
            if entry is None or entry != Entry(asked.doc, "kube", asked.origin):
                changes[name] = Entry(asked.doc, "kube", asked.origin).text()
        elif entry is not None and _unusable(name, entry, desired) and not _only_closes(entry):
            kept[name] = entry  # what it last said holds
        elif entry is not None:
            changes[name] = None
        if number % STRIDE == 0:
            yield
    closed = _closed(desired, foreign, kept)
    for name, asked in closed.items():
        closing = _closing(name, asked)
        changes.pop(name, None)
        if read(stored.get(name)) != closing:
            changes[name] = closing.text()
    return RouteChanges(changes, frozenset(foreign), frozenset(held), closed)


def _closed(desired: Desired, foreign: Iterable[str], kept: Mapping[str, Entry]) -> dict[str, Asked]:
    """The documents that are not in force in any form, by the name under which their hosts are closed.

    That is their own, or their origin where somebody else has it.
    """
    last = _last_good(desired.closed, kept)
    found: dict[str, Asked] = {}
    for asked in (*desired.closed, *(desired.docs[name] for name in sorted(foreign))):
        if not asked.hosts or asked.origin in last:
            continue
        taken = not asked.name or any(asked.name in names for names in (desired.docs, kept, found))
        name = asked.origin if taken else asked.name
        if name and name not in desired.docs and name not in kept:
            found.setdefault(name, asked)
    return found


def _last_good(closed: Iterable[Asked], kept: Mapping[str, Entry]) -> frozenset[str]:
    """The origins of those of which the last good form is kept; where documents have moved, the first of its name."""
    found: dict[str, str] = {}
    for asked in closed:
        entry = kept.get(asked.name or "")
        if asked.name and asked.doc is None and entry is not None and entry.source == "kube":
            origin = entry.origin or ""
            if asked.origin == origin or (map_of(asked.origin) == map_of(origin) and asked.name not in found):
                found[asked.name] = asked.origin
    return frozenset(found.values())


class CertificateChanges(NamedTuple):
    """`changes` to commit; `foreign` names are somebody else's and stay."""

    changes: Changes
    foreign: frozenset[str]


def certificate_changes(wanted: Wanted, stored: Stored) -> Steps[CertificateChanges]:
    """What can't be used leaves what it last said."""
    changes: Changes = {}
    foreign = set()
    for number, name in enumerate({**stored, **wanted.entries}, 1):
        text, raw = wanted.entries.get(name), stored.get(name)
        entry = None if text is not None and raw == text.encode() else read(raw)
        if entry is not None and entry.source != "kube":
            if text is not None:
                foreign.add(name)
        elif text is not None:
            if raw != text.encode():
                changes[name] = text
        elif name not in wanted.unusable and namespace_of(name) not in wanted.unknown:
            changes[name] = None
        if number % STRIDE == 0:
            yield
    return CertificateChanges(changes, frozenset(foreign))


def batches(changes: Mapping[str, str | None], stored: Stored, most: int, size: int) -> list[Changes]:
    """`changes` in the order of their names, at most `most` together, and about `size` bytes of before and after."""
    found: list[Changes] = []
    room = 0
    for name in sorted(changes):
        text = changes[name]
        bytes_ = len(stored.get(name, b"")) + len(text or "")
        if not found or len(found[-1]) >= most or bytes_ > room:
            found.append({})
            room = size
        found[-1][name] = text
        room -= bytes_
    return found


def _closing(name: str, asked: Asked) -> Entry:
    """For a document that is not in force in any form: its hosts answer 503, and fall through to no wildcard."""
    return Entry({"name": name, "hosts": list(asked.hosts)}, "kube", asked.origin)


def _only_closes(entry: Entry) -> bool:
    return isinstance(entry.doc, dict) and entry.doc.keys() == {"name", "hosts"}


def _stays(name: str, entry: Entry, asked: Asked | None, desired: Desired, baselines: Mapping[str, Any]) -> bool:
    if asked is None and _unusable(name, entry, desired):
        return True
    return baselines.get(name) == (None if asked is None else asked.doc)


def _unusable(name: str, entry: Entry, desired: Desired) -> bool:
    """Whether the document that an entry was made of is there, and can't be used any more: its last good form stays."""
    origin = entry.origin or ""
    return origin in desired.unusable or (map_of(origin), name) in desired.unusable


def map_of(origin: str) -> str:
    """namespace/configmap of namespace/configmap/key#n."""
    return "/".join(origin.split("/")[:2])


def held_names(stored: Stored) -> dict[str, int]:
    """By name the revision at which an entry is held."""
    found = {}
    for name, raw in stored.items():
        if b'"held"' in raw and (entry := read(raw)) is not None and entry.source == "kube" and entry.held is not None:
            found[name] = entry.held
    return found


def baselines_of(history: Sequence[Revision], held: Mapping[str, int], desired: Desired) -> dict[str, Any]:
    """What the ConfigMaps of held entries asked for when these were held: what stood there before.

    Where the history does not reach back so far: what they ask for now.
    """
    found: dict[str, Any] = {}
    for name in held:
        asked = desired.docs.get(name)
        found[name] = None if asked is None else asked.doc
        for revision in sorted(history, key=lambda one: -one.rev):
            before, after = revision.changed.get(label_of("routes", name), (None, None))
            if isinstance(after, Mapping) and after.get("held") is not None:
                found[name] = before.get("doc") if isinstance(before, Mapping) else None
                if not isinstance(before, Mapping) or before.get("held") is None:
                    break
    return found
