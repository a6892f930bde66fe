"""Kubernetes objects as plain data: Lists opened, ConfigMaps to the texts of Routes. Never raises for what they hold.

Services, EndpointSlices and Endpoints become endpoints in `model.endpoints`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gwt.model.yaml12 import PathTuple

#: The kinds that say where services are.
KINDS: Final = ("Service", "EndpointSlice", "Endpoints")
LABEL: Final = "gwt.io/route=true"
SUFFIXES: Final = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Item:
    """One object of a document. `path` leads to it within the document; with a `fault` it is unusable."""

    kind: str
    namespace: str
    name: str
    value: Mapping[str, Any]
    path: PathTuple = ()
    fault: str = ""


def objects(value: Mapping[str, Any]) -> Iterator[Item]:
    """The object of a document, or those of a List, nested ones too."""
    yield from _objects(value, (), None)


def _objects(value: Any, path: PathTuple, default: str | None) -> Iterator[Item]:
    if not isinstance(value, Mapping):
        yield _faulty(path, "a Kubernetes object is a mapping")
        return
    kind = value.get("kind", default)
    if not isinstance(kind, str) or not kind:
        yield _faulty(path, "a Kubernetes object needs kind, a text")
    elif kind.endswith("List") and len(path) <= 6 and ("items" in value or kind == "List"):
        items = value.get("items")
        if items is not None and not isinstance(items, list):
            yield _faulty((*path, "items"), f"items of a {kind} is a list")
            return
        for index, item in enumerate(items or ()):
            yield from _objects(item, (*path, "items", index), kind.removesuffix("List") or None)
    else:
        yield item_of(value, kind, path)


def item_of(value: Mapping[str, Any], kind: str, path: PathTuple = ()) -> Item:
    """An object with its namespace and name; `default` is the namespace of what names none."""
    metadata = value.get("metadata")
    if not isinstance(metadata, Mapping):
        return _faulty(path, f"a {kind} needs metadata, a mapping")
    name, namespace = metadata.get("name"), metadata.get("namespace", "default")
    if not isinstance(name, str) or not name:
        return _faulty((*path, "metadata"), f"a {kind} needs metadata.name, a text")
    if namespace is not None and not isinstance(namespace, str):
        return _faulty((*path, "metadata", "namespace"), "metadata.namespace is a text")
    return Item(kind, namespace or "default", name, value, path)


def _faulty(path: PathTuple, fault: str) -> Item:
    return Item("", "", "", {}, path, fault)


def labels_of(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """`metadata.labels`, {} where there are none."""
    metadata = value.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, Mapping) else None
    return labels if isinstance(labels, Mapping) else {}


def carries_routes(value: Mapping[str, Any], label: str = LABEL) -> bool:
    """True where a ConfigMap has the label (`key=value`, or `key` with any value)."""
    key, has_value, wanted = label.partition("=")
    found = labels_of(value).get(key)
    return found is not None and (not has_value or found == wanted)


def config_map_texts(item: Item, label: str = LABEL) -> Iterator[tuple[str, str, PathTuple]]:
    """(namespace/configmap/key, text, path) of every key that holds Routes, sorted by key; none without the label."""
    data = item.value.get("data")
    if not carries_routes(item.value, label) or not isinstance(data, Mapping):
        return
    for key in sorted(data):
        text = data[key]
        if isinstance(text, str) and key.endswith(SUFFIXES):
            yield f"{item.namespace}/{item.name}/{key}", text, (*item.path, "data", key)


def config_map_warnings(item: Item, label: str = LABEL) -> Iterator[tuple[str, PathTuple]]:
    """What in a ConfigMap looks like Routes but is not read, and why."""
    data = item.value.get("data")
    if data is not None and not isinstance(data, Mapping):
        yield "data of a ConfigMap is a mapping", (*item.path, "data")
        return
    labelled = carries_routes(item.value, label)
    for key, text in (data or {}).items():
        path = (*item.path, "data", key)
        if labelled and key.endswith(SUFFIXES) and not isinstance(text, str):
            yield f"{key} of a ConfigMap is a text; write it as {key}: |", path
        elif labelled and not key.endswith(SUFFIXES):
            yield f"{key} is not read: only keys that end in {', '.join(SUFFIXES)} are", path
        elif not labelled and key.endswith(SUFFIXES) and isinstance(text, str) and "hosts:" in text:
            yield f"{key} looks like a Route, but the ConfigMap has no label {label}", path
