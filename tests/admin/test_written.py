"""gwt.admin.written: what a Route was read from, near enough to be read again."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from gwt.admin.written import document
from gwt.model.parse import parse_file
from gwt.model.route import Route, Source

ROUTES = """\
name: foo
namespace: shop
hosts: ["foo{mark}.example.com", "*.example.org"]
envs: [{mark: -prod, namespace: foo}, {mark: ""}]
access: {timeout: 7, ip_allow: [], rate_limits: [{rate: 5, burst: 1, selectors: [ip, path]}, {rate: 1, fail: open}]}
plugins: {cors: {allow_origins: "*"}, key-auth: false}
services:
- name: a
  port: http
  namespace: other
  protocol: h2c
  balance: {sticky: {cookie: cart}}
  host: upstream
  access: {auth_type: [key-auth, jwt-auth], require: {role: [admin]}, max_body: 1MiB, retries: 0}
  paths:
  - uri: /api
    match: exact
    methods: [GET, PUT]
    headers: {X-Canary: "1"}
    args: {a: b}
    cookies: {c: d}
    remote_addrs: [10.0.0.0/8]
    vars: [[arg_name, "==", jack], [http_x, in, [a, b]]]
    priority: 3
    rewrite: {strip: /api}
    timeout: {connect: 1, read: 2.5, total: 100}
    access: {auth_type: login, ip_deny: ["@bad"], retry_buffer: 0}
  - {uri: "^/x", match: regex, rewrite: {regex: ["^/x(.*)", "/y\\\\1"]}}
- {upstream: user_backend, balance: {sticky: ip}, paths: [{uri: /, rewrite: {prefix: /v2}}]}
- {resource: status, balance: p2c, paths: [{uri: "/users/{id}", match: template, access: {timeout: 0.5}}]}
---
hosts: [plain.example.com]
services: [{name: a, port: 80, paths: [{uri: /}]}]
"""


def without_places(value: Any) -> Any:
    """`value` as it would be if it had been read on no line of no file."""
    if isinstance(value, tuple):
        return tuple(map(without_places, value))
    if not is_dataclass(value) or isinstance(value, Source):
        return value
    kept = {field.name: without_places(getattr(value, field.name)) for field in fields(value)}
    for name, nothing in (("line", 0), ("lines", {}), ("source", Source(""))):
        if name in kept:
            kept[name] = nothing
    return replace(value, **kept)  # type: ignore[type-var]


def routes() -> list[Route]:
    parsed = parse_file(ROUTES, "routes.yaml")
    assert not parsed.problems
    return [route for route in parsed.documents if isinstance(route, Route)]


@pytest.mark.parametrize("route", routes(), ids=lambda route: route.name)
def test_it_is_the_same_route_when_read_again(route: Route) -> None:
    again = parse_file(json.dumps(document(route)), "again.yaml")
    assert not again.problems
    assert without_places(again.documents[0]) == without_places(route)


def test_defaults_are_left_out() -> None:
    assert document(routes()[1]) == {
        "name": "routes.yaml#2",
        "hosts": ["plain.example.com"],
        "services": [{"name": "a", "port": 80, "paths": [{"uri": "/"}]}],
    }
