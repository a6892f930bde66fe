"""Address: where an etcd is and how to log in there, read from the `store:` URL of gateway.yaml."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gwt.storeurl import authority, read_hosts, read_login, split_url

SCHEMES: Final = ("etcd", "etcds")
PORT: Final = 2379

_PREFIX = re.compile(r"/[A-Za-z0-9_.:/-]{0,99}[A-Za-z0-9_.-]").fullmatch
_FORM = "etcd[s]://[user:password@]host:2379[,host2:2379][?prefix=/gwt]"
_OPTIONS = ("prefix", "ca")


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """`urls` of the members, without a path; `ca` is a file that signs their certificates (None: the system's).

    `prefix` begins all keys. Holds a password, and never shows it.
    """

    urls: tuple[str, ...]
    username: str | None = None
    password: str | None = None
    prefix: str = "/gwt"
    ca: str | None = None

    def __str__(self) -> str:
        return f"etcd at {', '.join(url.partition('//')[2] for url in self.urls)}"

    __repr__ = __str__


def read_address(url: str) -> Address:
    """`url` as an Address. Raises ValueError with one line for people, which repeats nothing that may be secret."""
    parts, options = split_url(url, SCHEMES, _OPTIONS, _FORM)
    hosts = read_hosts(parts, PORT)
    if parts.path not in ("", "/") or not hosts:
        raise ValueError(f"expected {_FORM}")
    user, password = read_login(parts)
    if password is not None and not (user and password):
        raise ValueError("a login is written user:password@")
    prefix = options.get("prefix", "/gwt")
    if not _PREFIX(prefix):
        raise ValueError("prefix: begins with / and holds letters, digits and any of _ . : / -")
    scheme = "https" if parts.scheme == "etcds" else "http"
    urls = tuple(f"{scheme}://{authority(*one)}" for one in hosts)
    return Address(urls, user, password, prefix, options.get("ca"))
