"""open_store: the `store:` of gateway.yaml to a Store."""

from __future__ import annotations

import os
from functools import partial
from hashlib import blake2b
from typing import Any

from twisted.internet.threads import deferToThreadPool

from gwt.etcd import address as etcd
from gwt.redis.address import SCHEMES, read_address
from gwt.store.base import Store, StoreError
from gwt.store.file import FileStore, InThread
from gwt.store.memory import MemoryStore
from gwt.store.outside import Outside
from gwt.store.reader import Reader
from gwt.store.shared import SharedStore

#: Of the stores that many share, and write to.
SHARED = (*SCHEMES, *etcd.SCHEMES)


def open_store(url: str, reactor: Any, base: str = ".", hold: float = 30.0) -> Store:
    """The Store that `url` names: `file:DIR` (relative to `base`), `redis://...` or `memory:`.

    `hold` is `shrink_hold` of gateway.yaml, in seconds.

    `reactor` gives time, threads and processes. Raises StoreError with one line for people.
    """
    check_url(url)
    scheme, colon, rest = url.partition(":")
    if colon and scheme == "memory":
        return MemoryStore(reactor)
    if colon and scheme == "file":
        root = os.path.normpath(os.path.join(base, _directory(rest)))
        return FileStore(root, reactor, _threads(reactor), Outside(reactor, children()))
    if colon and scheme in SHARED:
        reader, name = open_reader(url, reactor)
        return SharedStore(reader, reactor, name, _copy_of(url, base), hold, _threads(reactor))
    raise StoreError(f"store: expected file:DIR, redis://, etcd:// or memory:, got {_shown(url)!r}")


def check_url(url: str) -> None:
    """Raises StoreError where `open_store` would for what the URL says."""
    scheme, _, rest = url.partition(":")
    if scheme == "memory" and rest.strip("/"):
        raise StoreError("store: memory: takes nothing after the colon")
    if scheme == "file":
        _directory(rest)
    elif scheme in SHARED:
        try:
            (etcd.read_address if scheme in etcd.SCHEMES else read_address)(url)
        except (ValueError, OSError) as error:
            raise StoreError(f"store: {error}") from None


def open_reader(url: str, reactor: Any) -> tuple[Reader, str]:
    """The connection to a store that others share, and its name without secrets. Raises StoreError as `open_store`."""
    try:
        if url.partition(":")[0] in etcd.SCHEMES:
            return _etcd(url, reactor)
        return _redis(url, reactor)
    except (ValueError, OSError) as error:
        raise StoreError(f"store: {error}") from None


def _redis(url: str, reactor: Any) -> tuple[Reader, str]:
    address = read_address(url)
    from gwt.store.redis import RedisReader  # txredisapi takes the reactor that is installed by then

    return RedisReader(reactor, address), str(address)


def _etcd(url: str, reactor: Any) -> tuple[Reader, str]:
    address = etcd.read_address(url)
    from gwt.store.etcd import EtcdReader  # few need it, and it takes its time to be imported

    return EtcdReader(reactor, address), str(address)


def _threads(reactor: Any) -> InThread:
    return partial(deferToThreadPool, reactor, reactor.getThreadPool())


def _copy_of(url: str, base: str) -> str:
    """Where the copy of a shared store stands: systemd's StateDirectory, else beside gateway.yaml."""
    name = f".gwt-store-{blake2b(url.encode(), digest_size=6).hexdigest()}"
    return os.path.join(os.environ.get("STATE_DIRECTORY", "").partition(":")[0] or base, name)


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
