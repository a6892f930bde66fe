"""slim: a Kubernetes object without what nobody here reads.

A slice as the API prints it takes some 1.5 KiB of memory an endpoint, most of it names of pods and nodes; the store
keeps every object as long as it is in force. What is left is what `model.endpoints` reads, equal conditions shared.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gwt.model.endpoints import SERVICE_NAME

Object = Mapping[str, Any]


def slim(kind: str, value: Object) -> Object:
    """What `services_of` makes of it is the same as of `value`."""
    metadata = value["metadata"]
    kept: dict[str, Any] = {"metadata": _picked(metadata, ("namespace", "name"))}
    labels = metadata.get("labels") or {}
    if SERVICE_NAME in labels:
        kept["metadata"]["labels"] = {SERVICE_NAME: labels[SERVICE_NAME]}
    if kind == "Service":
        kept["spec"] = _picked(value.get("spec"), ("type", "externalName", "ports", "publishNotReadyAddresses"))
    elif kind == "EndpointSlice":
        kept.update(_picked(value, ("addressType", "ports")))
        kept["endpoints"] = [_endpoint(item) for item in value.get("endpoints") or ()]
    else:
        kept["subsets"] = [_subset(item) for item in value.get("subsets") or ()]
    return kept


def _endpoint(item: Object) -> Object:
    conditions = item.get("conditions") or {}
    kept = {
        "addresses": item["addresses"][:1],
        "conditions": _conditions(conditions.get("ready"), conditions.get("serving"), conditions.get("terminating")),
    }
    return kept if item.get("zone") is None else {**kept, "zone": item["zone"]}


@lru_cache(maxsize=64)
def _conditions(ready: bool | None, serving: bool | None, terminating: bool | None) -> Object:
    return {"ready": ready, "serving": serving, "terminating": terminating}


def _subset(item: Object) -> Object:
    kept = _picked(item, ("ports",))
    for name in ("addresses", "notReadyAddresses"):
        kept[name] = [{"ip": address["ip"]} for address in item.get(name) or ()]
    return kept


def _picked(value: Object | None, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value[name] for name in names if name in value} if value else {}
