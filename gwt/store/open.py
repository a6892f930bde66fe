"""open_store: the `store:` of gateway.yaml to a Store."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from twisted.internet.threads import deferToThreadPool

from gwt.store.base import Store, StoreError
from gwt.store.file import FileStore
from gwt.store.memory import MemoryStore
from gwt.store.outside import Outside

LATER = ("redis", "rediss", "redis+unix", "redis+sentinel", "etcd", "etcds")


def open_store(url: str, reactor: Any, base: str = ".") -> Store:
    """The Store that `url` names: `file:DIR` (relative to `base`) or `memory:`.

    `reactor` gives time, threads and processes. Raises StoreError with one line for people.
    """
    scheme, colon, rest = url.partition(":")
    if colon and scheme == "memory":
        if rest.strip("/"):
            raise StoreError("store: memory: takes nothing after the colon")
        return MemoryStore(reactor)
    if colon and scheme == "file":
        root = os.path.normpath(os.path.join(base, _directory(rest)))
        in_thread = partial(deferToThreadPool, reactor, reactor.getThreadPool())
        return FileStore(root, reactor, in_thread, Outside(reactor, children()))
    if colon and scheme in LATER:
        raise StoreError(f"store: {scheme}: is not in this version; file:DIR and memory: are")
    raise StoreError(f"store: expected file:DIR or memory:, got {_shown(url)!r}")


def children() -> int:
    """How many parse at once: one a core that this process may use, two at most."""
    return min(len(os.sched_getaffinity(0)), 2)


def _directory(rest: str) -> str:
    path = rest[2:] if rest.startswith("///") else rest
    if path.startswith("//"):
        raise StoreError(f"store: file:{rest} names a host; write file:DIR or file:///DIR")
    if not path:
        raise StoreError("store: file: needs a directory, file:./routes say")
    return path


def _shown(url: str) -> str:
    """`url` without what may be a password."""
    head, at, tail = url.rpartition("@")
    return f"{head.partition(':')[0]}:...@{tail}" if at else url
