"""Maps: ConfigMaps as they come -> the Routes that they ask for, and what is wrong with them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from gwt.model import units
from gwt.model.kube import config_map_texts, config_map_warnings, item_of
from gwt.model.parse import read_config_map_text
from gwt.model.route import Problem, Quarantined, Route
from gwt.steps import Steps

STATUS: Final = "gwt.io/status"

Object = Mapping[str, Any]


class Asked(NamedTuple):
    """A document: `doc` as it is to stand in the store, None where it can't be used. `origin` names it for ever.

    `hosts`: as far as they can be read; none of a stream.
    """

    origin: str
    name: str | None
    doc: dict[str, Any] | None
    problems: tuple[Problem, ...]
    hosts: tuple[str, ...] = ()


class Map(NamedTuple):
    """A ConfigMap as it is kept: what it holds, and what it says of itself already."""

    namespace: str
    name: str
    uid: str
    created: str
    data: Any
    labels: Mapping[str, Any]
    status: str | None


def reduce_map(value: Object) -> Map:
    """What is kept of a ConfigMap."""
    metadata = value["metadata"]
    annotations = metadata.get("annotations") or {}
    return Map(
        metadata.get("namespace") or "default", metadata["name"], str(metadata.get("uid") or ""),
        str(metadata.get("creationTimestamp") or ""), value.get("data"), metadata.get("labels") or {},
        annotations.get(STATUS) if isinstance(annotations, Mapping) else None,
    )  # fmt: skip


class Desired(NamedTuple):
    """By name the documents that ConfigMaps ask for; `unusable` are the origins, and (ConfigMap, name), of those that
    can't be used; `problems` is what is wrong, by ConfigMap, and `digests` tell one text of its data from another.
    `closed` are those that can't be used, or whose name another one has, as far as their hosts can be read.
    """

    docs: Mapping[str, Asked]
    unusable: frozenset[Any]
    problems: Mapping[str, tuple[Problem, ...]]
    closed: tuple[Asked, ...] = ()
    digests: Mapping[str, str] = {}


class Maps:
    """`targets` are globs of namespaces whose Services a Route may name; those of its own it always may."""

    def __init__(self, label: str, targets: Sequence[str]) -> None:
        self._label, self._targets = label, tuple(targets)
        self.maps: dict[str, Map] = {}
        self._asked: dict[str, tuple[str, list[Asked]]] = {}
        self._digests: dict[str, str] = {}
        self._dirty: dict[str, None] = {}

    def change(self, key: str, before: Map | None, after: Map | None) -> bool:
        """A ConfigMap has changed; whether what it asks for may have (its annotations ask for nothing)."""
        if after is None:
            self.maps.pop(key, None)
        else:
            self.maps[key] = after
        same = before is not None and after is not None and before[:6] == after[:6]
        if not same:
            self._dirty[key] = None
        return not same

    def read(self) -> Steps[None]:
        """Read the ConfigMaps that have changed."""
        dirty, self._dirty = self._dirty, {}
        for key in dirty:
            value = self.maps.get(key)
            if value is None:
                self._asked.pop(key, None)
                self._digests.pop(key, None)
                continue
            found = []
            for asked in self._documents(value):
                found.append(asked)
                yield
            self._asked[key] = value.created, found
            self._digests[key] = _digest(value.data)

    def desired(self) -> Desired:
        """What all that were read ask for together. Of two with one name the one of the older ConfigMap counts."""
        docs: dict[str, Asked] = {}
        unusable: set[Any] = set()
        closed: list[Asked] = []
        problems: dict[str, tuple[Problem, ...]] = {}
        for _, key, asks in sorted((created, key, asks) for key, (created, asks) in self._asked.items()):
            found: list[Problem] = []
            for asked in asks:
                found.extend(asked.problems)
                if not asked.origin:
                    continue
                if asked.doc is None or asked.name is None:
                    unusable.update((asked.origin, (key, asked.name)))
                    closed.append(asked)
                elif asked.name in docs:
                    found.append(_taken(asked, docs[asked.name].origin))
                    closed.append(asked)
                else:
                    docs[asked.name] = asked
            problems[key] = tuple(found)
        hosts = tuple(asked for asked in closed if asked.hosts)
        return Desired(docs, frozenset(unusable), problems, hosts, dict(self._digests))

    def _documents(self, value: Map) -> Iterator[Asked]:
        metadata = {"namespace": value.namespace, "name": value.name, "labels": value.labels}
        item = item_of({"metadata": metadata, "data": value.data}, "ConfigMap")
        place = f"{value.namespace}/{value.name}"
        for identity, text, _ in config_map_texts(item, self._label):
            for raw, document, problems in read_config_map_text(text, identity, value.namespace):
                yield self._judge(raw.value, document, problems, value.namespace)
        for message, path in config_map_warnings(item, self._label):
            problem = Problem(f"{place}/{path[-1]}" if len(path) > 1 else place, 0, 0, message, severity="warning")
            yield Asked("", None, None, (problem,))

    def _judge(self, value: Any, document: Route | Quarantined, problems: list[Problem], namespace: str) -> Asked:
        origin = document.source.identity
        if isinstance(document, Quarantined):
            hosts = document.hosts if document.stream is None else ()
            return Asked(origin, document.name, None, tuple(problems), hosts)
        marks = tuple(env.mark for env in document.envs)
        hosts = units.expand_marks(document.hosts, marks) if document.stream is None else ()
        found = [*problems, *self._forbidden(document, namespace)]
        doc = {**value, "name": document.name, "namespace": document.namespace}
        try:
            json.dumps(doc, allow_nan=False)
        except ValueError:
            message = "a number that is not finite can't be stored"
            found.append(Problem(origin, document.source.line, 1, message, name=document.name))
        if any(problem.keeps_out for problem in found):
            return Asked(origin, document.name, None, tuple(found), hosts)
        return Asked(origin, document.name, doc, tuple(found), hosts)

    def _forbidden(self, route: Route, own: str) -> Iterator[Problem]:
        for namespace in sorted(set(_targets_of(route)) - {own}):
            if not any(fnmatchcase(namespace, glob) for glob in self._targets):
                message = f"a Route of namespace {own} may not name Services of {namespace}: see `targets`"
                yield Problem(route.source.file, route.source.line, 1, message, name=route.name)


def _digest(data: Any) -> str:
    """Short: it only tells that what is said of a ConfigMap is said of these data."""
    mark = blake2b(digest_size=6)
    for item in sorted(data.items()) if isinstance(data, Mapping) else [("", data)]:
        for part in item:
            raw = str(part).encode("utf-8", "surrogatepass")
            mark.update(b"%d:%b" % (len(raw), raw))
    return mark.hexdigest()


def _targets_of(route: Route) -> Iterator[str]:
    for service in route.services:
        if service.name is None:
            if service.upstream is not None and "/" in service.upstream:
                yield service.upstream.partition("/")[0]
        elif service.namespace is not None:
            yield service.namespace
        else:
            yield from (one for one in (route.namespace, *(env.namespace for env in route.envs)) if one)


def _taken(asked: Asked, holder: str) -> Problem:
    file = asked.origin.partition("#")[0]
    return Problem(file, 1, 1, f"the name {asked.name!r} is taken by {holder}", name=asked.name)


def shown(problems: Iterable[Problem]) -> list[Problem]:
    """Errors first."""
    return sorted(problems, key=lambda one: (one.severity != "error", one.file, one.line, one.column))
