"""Copy: the last content of a shared store on disk, for a start while the store is down.

A first line of JSON says what it is, of which version, and the digest of the rest; each line after it is one entry.
Written beside its place and moved there, so that whoever reads finds a whole one. Imports no Twisted: runs in a thread.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from itertools import islice
from typing import Any, Final, NamedTuple

VERSION: Final = 1

#: Entries written in a row (some 40 µs), and seconds of rest after them: whoever serves requests in another thread
#: waits for Python's lock meanwhile.
PORTION: Final = 8
BREATH: Final = 0.0001

#: Hash -> name of an entry -> what stands there.
Raw = Mapping[str, Mapping[str, bytes]]


class Copy(NamedTuple):
    """What a store held: its id, its revisions by part, and its entries."""

    id: str
    revs: dict[str, int]
    raw: dict[str, dict[str, bytes]]


class CopyError(Exception):
    """There is no copy that can be used; one line for people."""


def write_copy(path: str, store: str, copy: Copy, rest: float = BREATH) -> None:
    """Raises OSError. `store` names the place that this is a copy of, without secrets; `rest` is in seconds."""
    portions = []
    digest = blake2b(digest_size=32)
    lines = _lines(copy.raw)
    while portion := b"".join(islice(lines, PORTION)):
        portions.append(portion)
        digest.update(portion)
        time.sleep(rest)
    head = {"gwt-copy": VERSION, "store": store, "id": copy.id, "revs": copy.revs, "digest": digest.hexdigest()}
    new = f"{path}.{os.getpid()}"
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)  # it holds credentials
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(json.dumps(head).encode() + b"\n")
            file.writelines(portions)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(new)
        raise


def read_copy(path: str, store: str) -> Copy:
    """The copy of `store` at `path`. Raises CopyError."""
    try:
        with open(path, "rb") as file:
            first, *lines = file.read().splitlines(keepends=True) or [b""]
    except OSError as error:
        raise CopyError(f"{path}: {error.strerror}") from None
    try:
        return _read(json.loads(first), lines, path, store)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise CopyError(f"{path} is no copy of a store") from None


def _lines(raw: Raw) -> Iterator[bytes]:
    for hash_, entries in raw.items():
        for name, value in entries.items():
            yield json.dumps([hash_, name, value.decode("utf-8", "surrogateescape")]).encode() + b"\n"


def _read(head: Any, lines: list[bytes], path: str, store: str) -> Copy:
    if head["gwt-copy"] != VERSION:
        raise CopyError(f"{path} is a copy of version {head['gwt-copy']}, this gwt reads {VERSION}")
    if head["store"] != store:
        raise CopyError(f"{path} is a copy of another store ({head['store']})")
    digest = blake2b(digest_size=32)
    for line in lines:
        digest.update(line)
    if digest.hexdigest() != head["digest"]:
        raise CopyError(f"{path} is damaged")
    raw: dict[str, dict[str, bytes]] = {}
    for line in lines:
        hash_, name, value = json.loads(line)
        raw.setdefault(hash_, {})[name] = value.encode("utf-8", "surrogateescape")
    return Copy(str(head["id"]), {str(part): int(rev) for part, rev in head["revs"].items()}, raw)
