"""What must hold of a Service, an EndpointSlice or an Endpoints before it is used: the part of them that gwt reads.

What the API server would never store, a file may hold. Unknown fields are none of our business; null means absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from gwt.model.derive import Schema, nullable
from gwt.model.validate import Check, Fault, Trail, compile_schema

_TEXT = nullable({"type": "string"})
_BOOL = nullable({"type": "boolean"})
_TEXTS = nullable({"type": "array", "items": {"type": "string"}})
_PORT_NUMBER: Schema = {"title": "a port from 1 to 65535", "type": "integer", "minimum": 1, "maximum": 65535}
_PORT_NAMES: dict[str, Schema] = {"name": _TEXT, "protocol": _TEXT, "appProtocol": _TEXT}


def _object(properties: dict[str, Schema], required: tuple[str, ...] = (), title: str = "the mapping") -> Schema:
    return {"type": "object", "title": title, "properties": properties, "required": list(required)}


def _list(item: Schema) -> Schema:
    return nullable({"type": "array", "items": item})


_SERVICE_PORT = _object({**_PORT_NAMES, "port": _PORT_NUMBER}, ("port",), "a port")
_SERVICE = _object(
    {"type": _TEXT, "externalName": _TEXT, "publishNotReadyAddresses": _BOOL, "ports": _list(_SERVICE_PORT)}
)
_CONDITIONS = nullable(_object({"ready": _BOOL, "serving": _BOOL, "terminating": _BOOL}))
_ENDPOINT = _object(
    {"addresses": {"type": "array", "title": "addresses", "items": {"type": "string"}, "minItems": 1}, "zone": _TEXT,
     "conditions": _CONDITIONS},
    ("addresses",),
    "an endpoint",
)  # fmt: skip
_OPEN_PORT = _object({**_PORT_NAMES, "port": nullable(_PORT_NUMBER)})
_ADDRESS = _object({"ip": {"type": "string"}}, ("ip",), "an address")
_SUBSET = _object({"addresses": _list(_ADDRESS), "notReadyAddresses": _list(_ADDRESS), "ports": _list(_OPEN_PORT)})

SCHEMAS: dict[str, Schema] = {
    "Service": _object({"spec": nullable(_SERVICE)}),
    "EndpointSlice": _object(
        {"addressType": {"enum": ["IPv4", "IPv6", "FQDN"]}, "endpoints": _list(_ENDPOINT), "ports": _list(_OPEN_PORT)}
    ),
    "Endpoints": _object({"subsets": _list(_SUBSET)}),
}


@cache
def _check(kind: str) -> Check:
    return compile_schema(SCHEMAS[kind], {})


def faults_of(kind: str, value: Mapping[str, Any], trail: Trail = None) -> list[Fault]:
    """Everything that keeps an object of one of `kube.KINDS` from being used; `value` must be a dict."""
    faults: list[Fault] = []
    _check(kind)(value, trail, faults)
    if kind == "Service" and not faults:
        spec = value.get("spec") or {}
        if spec.get("type") == "ExternalName" and not spec.get("externalName"):
            faults.append(Fault((trail, "spec"), "a Service of type ExternalName needs externalName"))
    return faults
