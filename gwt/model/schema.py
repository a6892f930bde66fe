"""The JSON Schema of documents and of gateway.yaml, derived from the dataclasses that they become.

`check_document` gives the compiled checks that `model.parse` runs; `document_schema` is what `gwt schema` prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from gwt.model import options, route
from gwt.model.derive import Deriver, Schema
from gwt.model.forms import EXTRA, FORMS, REQUIRED, TEXT
from gwt.model.options import LISTENER_NAME
from gwt.model.pluginschema import NO_PLUGINS, pointed, with_plugins
from gwt.model.validate import Check, compile_schema

DRAFT = "http://json-schema.org/draft-07/schema#"


#: The dataclasses that documents are made of.
PARTS = (
    route.Route, route.Env, route.Service, route.Path, route.Access, route.RateLimit, route.Rewrite, route.Rule,
    route.EndpointSpec,
)  # fmt: skip


@cache
def definitions() -> dict[str, Schema]:
    """Name -> schema of every part of a document."""
    deriver = Deriver(FORMS, EXTRA, REQUIRED)
    result = deriver.definitions
    for cls in PARTS:
        deriver.of_type(cls)
    endpoint = {
        "title": "an address, or a mapping with address",
        "anyOf": [TEXT, {"$ref": "#/definitions/EndpointSpec"}],
    }
    result["Upstreams"] = _sole("upstreams", {"type": "object", "title": "upstreams", "additionalProperties": {
        "type": "array", "title": "an upstream's addresses", "items": endpoint}})  # fmt: skip
    result["Rules"] = _sole("rules", {"type": "array", "title": "rules", "items": {"$ref": "#/definitions/Rule"}})
    result["Lists"] = _sole("lists", {"type": "object", "title": "lists", "additionalProperties": {
        "type": "array", "title": "a list of CIDRs", "items": TEXT}})  # fmt: skip
    consumer = {"type": "object", "title": "a consumer", "additionalProperties": {"type": "object"}}
    result["Consumers"] = _sole("consumers", {"type": "object", "title": "consumers", "additionalProperties": consumer})
    result["StreamService"], result["Stream"] = _stream_service(result["Service"]), _stream(result["Route"])
    result["KubernetesObject"] = {
        "type": "object", "title": "a Kubernetes object", "required": ["apiVersion", "kind"],
        "properties": {"apiVersion": TEXT, "kind": TEXT},
    }  # fmt: skip
    client_auth = {
        "type": "object", "title": "client_auth", "required": ["mode", "ca"], "additionalProperties": False,
        "properties": {"mode": {"enum": ["optional", "require"]}, "ca": TEXT},
    }  # fmt: skip
    certificate = {
        "type": "object", "title": "a certificate", "required": ["cert", "key"], "additionalProperties": False,
        "properties": {"cert": TEXT, "key": TEXT, "names": {"type": "array", "items": TEXT, "title": "names"},
                       "client_auth": client_auth},
    }  # fmt: skip
    result["Certificates"] = _sole("tls", {"type": "object", "title": "tls", "additionalProperties": certificate})
    return result


def _stream(like: Schema) -> Schema:
    """A Route of connections: what it has in common with others is written in the same way."""
    shared = {key: like["properties"][key] for key in ("name", "namespace", "hosts", "envs", "access", "timeout")}
    return {
        "type": "object", "title": "a stream", "required": ["stream", "services"], "additionalProperties": False,
        "description": "A Route of TCP connections, those of TLS by the name that they ask for.",
        "properties": {
            "stream": {"type": "string", "title": "the name of a listener", "pattern": LISTENER_NAME},
            **shared,
            "services": {"type": "array", "title": "services", "minItems": 1, "maxItems": 1,
                         "items": {"$ref": "#/definitions/StreamService"}},
            "proxy_protocol": {"enum": ["v1", "v2", None]},
            "max_connections": {"type": ["integer", "null"], "minimum": 1},
        },
    }  # fmt: skip


def _stream_service(like: Schema) -> Schema:
    shared = {key: like["properties"][key] for key in ("name", "upstream", "port", "namespace", "balance")}
    return {"type": "object", "title": "a service", "additionalProperties": False, "properties": shared}


def _sole(key: str, schema: Schema) -> Schema:
    return {"type": "object", "title": f"a document of {key}", "required": [key], "additionalProperties": False,
            "properties": {key: schema}}  # fmt: skip


#: The key that makes a document what it is, in the order in which they are asked for; what has none is a Route.
KINDS: dict[str, str] = {
    "kind": "KubernetesObject",
    "upstreams": "Upstreams",
    "rules": "Rules",
    "lists": "Lists",
    "consumers": "Consumers",
    "stream": "Stream",
    "tls": "Certificates",
}


def document_schema(plugins: Mapping[str, Schema] = NO_PLUGINS) -> Schema:
    """The schema of one document of a store: a Route, or one of the other kinds by its key.

    `plugins` are the schemas of the configurations of those that are known, by name.
    """
    schema: Schema = {"$ref": "#/definitions/Route"}
    for key, name in reversed(KINDS.items()):
        schema = {"if": {"required": [key]}, "then": {"$ref": f"#/definitions/{name}"}, "else": schema}
    return {
        "$schema": DRAFT,
        "title": "A document of a gwt store",
        "type": "object",
        **schema,
        "definitions": with_plugins(definitions(), plugins),
    }


def settings_schema(plugins: Mapping[str, Schema] = NO_PLUGINS) -> Schema:
    """The schema of gateway.yaml, with `plugins` as in `document_schema`."""
    root, parts = options.schema()
    return {"$schema": DRAFT, **pointed(root), "title": "gateway.yaml", "definitions": with_plugins(parts, plugins)}


@cache
def check_document(name: str) -> Check:
    """The compiled check of one kind of document (a value of `KINDS`, or "Route")."""
    return compile_schema(definitions()[name], definitions())


def kind_of(value: dict[str, Any]) -> str:
    """The definition that a document is to be judged by."""
    if KINDS.keys().isdisjoint(value):
        return "Route"
    return next(name for key, name in KINDS.items() if key in value)
