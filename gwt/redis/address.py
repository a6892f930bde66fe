"""Address: where a Redis is and how to log in there, read from the `store:` URL of gateway.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import SplitResult, unquote

from gwt.storeurl import authority, read_hosts, read_login, split_url

SCHEMES: Final = ("redis", "rediss", "redis+unix", "redis+sentinel")

PORT: Final = 6379
SENTINEL_PORT: Final = 26379

_PREFIX = re.compile(r"[A-Za-z0-9_.:/-]{1,100}").fullmatch
_FORMS = "redis[s]://[user:password@]host:6379/0, redis+unix:///path?db=0 or redis+sentinel://host1,host2/NAME"
#: What may stand behind the `?`.
_OPTIONS = ("prefix", "db", "ca", "tls")


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """`hosts` are (name, port) of the server, or of its Sentinels where `master` names what they watch.

    `path` is that of a socket. `tls`: with TLS, its certificate checked
    against `ca` (a file; None: the system's authorities). `prefix` begins all keys. Holds a
    password, and never shows it.
    """

    hosts: tuple[tuple[str, int], ...] = ()
    path: str | None = None
    master: str | None = None
    username: str | None = None
    password: str | None = None
    database: int = 0
    prefix: str = "gwt"
    tls: bool = False
    ca: str | None = None

    def __str__(self) -> str:
        where = self.path or ",".join(authority(host, port) for host, port in self.hosts)
        return f"Redis {self.master} of the Sentinels {where}" if self.master else f"Redis at {where}"

    __repr__ = __str__


def read_address(url: str) -> Address:
    """`url` as an Address. Raises ValueError with one line for people, which repeats nothing that may be secret."""
    parts, options = split_url(url, SCHEMES, _OPTIONS, _FORMS)
    address = _place(parts, options)
    user, password = read_login(parts)
    return replace(address, username=user, password=password, prefix=_prefix(options))


def _place(parts: SplitResult, options: Mapping[str, str]) -> Address:
    path = unquote(parts.path)
    if parts.scheme == "redis+unix":
        if not path.startswith("/") or read_hosts(parts, PORT):
            raise ValueError("redis+unix:// takes the path of a socket: redis+unix:///run/redis.sock")
        return Address(path=path, database=_database(options.get("db", "0")))
    tls = parts.scheme == "rediss" or options.get("tls") in ("1", "true", "yes")
    if parts.scheme == "redis+sentinel":
        master, _, database = path.strip("/").partition("/")
        hosts = read_hosts(parts, SENTINEL_PORT)
        if not hosts or not master:
            raise ValueError("redis+sentinel:// takes hosts and a name: redis+sentinel://host1:26379,host2/mymaster")
        return Address(
            hosts, master=master, database=_database(database or options.get("db", "0")), tls=tls, ca=options.get("ca")
        )
    hosts = read_hosts(parts, PORT)
    if len(hosts) != 1:
        raise ValueError(f"one host is needed; expected {_FORMS}")
    return Address(hosts, database=_database(path.strip("/") or options.get("db", "0")), tls=tls, ca=options.get("ca"))


def _database(written: str) -> int:
    if not written.isdecimal() or int(written) > 1_000_000:
        raise ValueError(f"{written!r} is no number of a database")
    return int(written)


def _prefix(options: Mapping[str, str]) -> str:
    prefix = options.get("prefix", "gwt")
    if not _PREFIX(prefix):
        raise ValueError("prefix: letters, digits and any of _ . : / -")
    return prefix
