"""Secrets: those that carry certificates, as they come -> the entries of `certificates` in the store. Pure.

Nothing that is said of one shows anything of its data.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from gwt.model.certificate import Certificate
from gwt.model.kubetls import NAMES, TYPE, certificate_of
from gwt.model.secret import reveal
from gwt.steps import Steps
from gwt.store.entries import Entry

Object = Mapping[str, Any]

#: What of its annotations and data is kept: all that says what is served.
_ANNOTATIONS: Final = ("gwt.io/",)
_DATA: Final = ("tls.crt", "tls.key", "ca.crt")


@dataclass(frozen=True, slots=True)
class Kept:
    """A Secret as it is kept; `data` is base64."""

    namespace: str
    name: str
    uid: str
    type: str
    annotations: Mapping[str, str]
    data: Mapping[str, Any] = field(repr=False)


def reduce_secret(value: Object) -> Kept:
    """What is kept of a Secret."""
    metadata, data = value["metadata"], value.get("data") or {}
    annotations = metadata.get("annotations") or {}
    return Kept(
        metadata.get("namespace") or "default", metadata["name"], str(metadata.get("uid") or ""),
        str(value.get("type") or ""), {k: v for k, v in annotations.items() if k.startswith(_ANNOTATIONS)},
        {key: data[key] for key in _DATA if key in data},
    )  # fmt: skip


class Wanted(NamedTuple):
    """By name (namespace/secret) the `entries` that Secrets ask for, and why others can't be used.

    Of `unknown` namespaces nothing can be said.
    """

    entries: Mapping[str, str]
    unusable: Mapping[str, str]
    unknown: frozenset[str] = frozenset()


class Secrets:
    """`wall` gives Unix time, `unknown` the namespaces whose Secrets have not all been seen, or may not be."""

    def __init__(self, wall: Callable[[], float], unknown: Callable[[], Collection[str]]) -> None:
        self._wall, self._unknown = wall, unknown
        self.kept: dict[str, Kept] = {}
        self._entries: dict[str, str] = {}
        self._unusable: dict[str, str] = {}
        self._dirty: dict[str, None] = {}

    def change(self, key: str, before: Kept | None, after: Kept | None) -> bool:
        """A Secret has changed; whether anything of it that counts has."""
        if after is None:
            self.kept.pop(key, None)
        else:
            self.kept[key] = after
        if before == after:
            return False
        self._dirty[key] = None
        return True

    def read(self) -> Steps[None]:
        """Read those that have changed, some 300 µs each."""
        dirty, self._dirty = self._dirty, {}
        for key in dirty:
            self._entries.pop(key, None)
            self._unusable.pop(key, None)
            value = self.kept.get(key)
            if value is not None:
                try:
                    self._entries[key] = entry_text(value, self._wall())
                except ValueError as error:
                    self._unusable[key] = str(error)
            yield

    def wanted(self) -> Wanted:
        """What all of them ask for together. A namespace with Secrets that were not read yet is not known."""
        unknown = frozenset(self._unknown()).union(map(namespace_of, self._dirty))
        entries, unusable = (
            {name: said for name, said in found.items() if namespace_of(name) not in unknown}
            for found in (self._entries, self._unusable)
        )
        return Wanted(entries, unusable, unknown)


def namespace_of(name: str) -> str:
    """Of an entry that a Secret asks for."""
    return name.partition("/")[0]


def entry_text(secret: Kept, now: float) -> str:
    """The entry of a Secret as it is to stand in the store. ValueError with a reason for people."""
    if secret.type != TYPE:
        raise ValueError(f"its type is {secret.type!r}, a certificate is {TYPE}")
    certificate = certificate_of({"metadata": {"annotations": secret.annotations}, "data": secret.data})
    if certificate.ends <= now:
        raise ValueError("the certificate has expired")
    document = _document(certificate, NAMES in secret.annotations)
    return Entry(document, "kube", f"{secret.namespace}/{secret.name}").text()


def _document(certificate: Certificate, named: bool) -> dict[str, Any]:
    document: dict[str, Any] = {"cert": certificate.chain, "key": reveal(certificate.key)}
    if named:
        document["names"] = list(certificate.names)
    if certificate.client_auth is not None:
        document["client_auth"] = {"mode": certificate.client_auth.mode, "ca": certificate.client_auth.ca}
    return document
