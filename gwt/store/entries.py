"""Entries: what one field of a shared store's hash (or one key of etcd) holds, as Content that the catalog can join.

An entry is JSON: `{doc, source, origin}`, or the bare document, which then is a tool's. Its place is `HASH/NAME`. A
service has no `doc`: it is `{protocol, port_name, source, endpoints}`. No problem shows anything of a key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from gwt.model.parse import parse_file
from gwt.model.route import EndpointSpec, Problem, Quarantined, ServiceSpec, Source
from gwt.store.content import Content, Doc, ServicePart
from gwt.store.parts import content_of

#: Who may have written an entry.
SOURCES: Final = ("kube", "admin", "tool")

_WRAPPING = frozenset(("doc", "source", "origin", "held"))
_FIELDS = frozenset(("address", "ready", "serving", "terminating", "weight", "zone"))
_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_PLAIN_ADDRESS = re.compile(rf"(?:{_BYTE}\.){{3}}{_BYTE}:(?:[1-9]\d{{0,3}}|[1-5]\d{{4}})", re.A).fullmatch
_PLAIN_KEY = re.compile(r"[a-z0-9-]{1,63}/[a-z0-9-]{1,63}:[1-9]\d{0,4}", re.A).fullmatch


class Entry(NamedTuple):
    """An entry of any hash but `services`. `held`: the revision to which it was rolled back, None as a rule."""

    doc: Any
    source: str = "tool"
    origin: str | None = None
    held: int | None = None

    def text(self) -> str:
        """As it stands in the store."""
        more = {"origin": self.origin, "held": self.held}
        wrapped = {"doc": self.doc, "source": self.source, **{k: v for k, v in more.items() if v is not None}}
        return json.dumps(wrapped, ensure_ascii=False, separators=(",", ":"))


def read_entry(raw: bytes | str) -> Entry:
    """The inverse of `Entry.text`; a bare document is a tool's. Raises ValueError where it is no JSON."""
    value = json.loads(raw)
    if not (isinstance(value, dict) and "doc" in value and value.keys() <= _WRAPPING):
        return Entry(value)
    source, origin, held = value.get("source", "tool"), value.get("origin"), value.get("held")
    return Entry(
        value["doc"],
        source if source in SOURCES else "tool",
        origin if isinstance(origin, str) else None,
        held if type(held) is int else None,
    )


def entry_content(hash_: str, name: str, raw: bytes) -> Content:
    """What entry `name` of `hash_` says. Never raises for what is in it."""
    if hash_ == "services":
        return _service_content(name, raw)
    place = f"{hash_}/{name}"
    try:
        entry = read_entry(raw)
    except (ValueError, RecursionError) as error:
        return _unreadable(place, name, f"this is no JSON: {error}")
    if entry.doc is None and entry.held is not None:
        return Content()  # held at nothing
    if entry.doc is None:
        return _unreadable(place, name, "there is no document")
    text = json.dumps(_DOCUMENTS[hash_](name, entry.doc), ensure_ascii=False)
    return content_of(parse_file(text, place))


def _route(name: str, doc: Any) -> Any:
    return {"name": name, **doc} if isinstance(doc, dict) and doc.get("name") is None else doc


def _rules(name: str, doc: Any) -> Any:
    if isinstance(doc, dict) and "rules" in doc:
        return doc
    return {"rules": doc if isinstance(doc, list) else [doc]}


_DOCUMENTS: Mapping[str, Callable[[str, Any], Any]] = {
    "routes": _route,
    "rules": _rules,
    "lists": lambda name, doc: {"lists": {name: doc}},
    "consumers": lambda name, doc: {"consumers": {name: doc}},
    "certificates": lambda name, doc: {"tls": {name: doc}},
}


def _unreadable(place: str, name: str, message: str) -> Content:
    problem = Problem(place, 0, 0, message, name=name)
    return Content((Doc(place, 0, (), Quarantined(name, (), (problem,), Source(place))),), (problem,))


# -- services: by the thousand, so that what is plain goes past the schema


def _service_content(key: str, raw: bytes) -> Content:
    place = f"services/{key}"
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        return _unreadable(place, key, f"this is no JSON: {error}")
    spec = _plain_service(key, value)
    if spec is not None:
        return Content((Doc(place, 0, (ServicePart(spec, 0),)),))
    endpoints = value.get("endpoints") if isinstance(value, dict) else value
    content = content_of(parse_file(json.dumps({"upstreams": {key: endpoints}}), place))
    return Content(tuple(_described(doc, value) for doc in content.docs), content.problems)


def _plain_service(key: str, value: Any) -> ServiceSpec | None:
    """The service where nothing about it needs a closer look."""
    if not isinstance(value, dict) or not _PLAIN_KEY(key):
        return None
    items = value.get("endpoints")
    endpoints = [_plain_endpoint(item) for item in items] if isinstance(items, list) else [None]
    if None in endpoints or len({one.address for one in endpoints if one is not None}) != len(endpoints):
        return None
    return _with_port(ServiceSpec(key, tuple(endpoints)), value)  # type: ignore[arg-type]


def _plain_endpoint(item: Any) -> EndpointSpec | None:
    if type(item) is not dict:
        return None
    if len(item) == 1:  # as most are
        address = item.get("address")
        return EndpointSpec(address) if type(address) is str and _PLAIN_ADDRESS(address) else None
    if not item.keys() <= _FIELDS:
        return None
    address, weight, zone = item.get("address"), item.get("weight", 1), item.get("zone")
    ready, serving, terminating = item.get("ready", True), item.get("serving", True), item.get("terminating", False)
    if type(address) is not str or not _PLAIN_ADDRESS(address) or type(weight) is not int or not 0 <= weight <= 65535:
        return None
    if not (type(ready) is type(serving) is type(terminating) is bool) or not (zone is None or type(zone) is str):
        return None
    return EndpointSpec(address, ready, serving, terminating, weight, zone)


def _with_port(spec: ServiceSpec, value: Mapping[str, Any]) -> ServiceSpec:
    protocol, port_name, source = value.get("protocol"), value.get("port_name"), value.get("source")
    external = value.get("external_name")
    return ServiceSpec(
        spec.key,
        spec.endpoints,
        protocol if isinstance(protocol, str) else None,
        port_name if isinstance(port_name, str) else None,
        source if source in SOURCES else "tool",
        external if isinstance(external, str) else None,
    )


def _described(doc: Doc, value: Any) -> Doc:
    if not isinstance(value, dict):
        return doc
    parts = [
        ServicePart(_with_port(part.spec, value), 0) if isinstance(part, ServicePart) else part for part in doc.parts
    ]
    return replace(doc, parts=tuple(parts))
