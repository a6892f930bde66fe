from __future__ import annotations

import pytest

from gwt.admin.written import document
from gwt.model.parse import parse_config_map_text, parse_file
from gwt.model.route import Balance, Quarantined, Route, Stream
from gwt.model.settings import load_settings

WHOLE = """\
name: db
stream: postgres
hosts: ["db{mark}.example.com"]
namespace: orders
envs: [{mark: -test, namespace: test}]
timeout: {connect: 2, read: 3600}
access: {ip_allow: [10.0.0.0/8], retries: 2}
services:
- {name: postgres, port: 5432, balance: least_conn}
proxy_protocol: v2
max_connections: 100
"""


def read(text: str) -> Route:
    parsed = parse_file(text, "f.yaml")
    assert parsed.problems == ()
    (route,) = parsed.documents
    assert isinstance(route, Route)
    return route


def test_a_document_is_read_and_written_again() -> None:
    route = read(WHOLE)
    assert route.stream == Stream("postgres", "v2", 100)
    assert (route.name, route.hosts, route.namespace) == ("db", ("db{mark}.example.com",), "orders")
    assert route.access.timeout is not None and route.access.timeout.read == 3600
    (service,) = route.services
    assert (service.name, service.port, service.balance, service.line) == ("postgres", 5432, Balance("least_conn"), 9)
    told = document(route)
    assert set(told) == set("name stream hosts namespace envs access services proxy_protocol max_connections".split())


def test_little_is_needed() -> None:
    route = read("{stream: tcp, services: [{upstream: echo}]}")
    assert (route.name, route.hosts, route.stream) == ("f.yaml", ("*",), Stream("tcp"))
    assert document(route)["services"] == [{"upstream": "echo"}]


@pytest.mark.parametrize(
    "more, message",
    [
        ("plugins: {cors: {}}", "unknown key 'plugins'"),
        ("access: {auth_type: login}", "auth_type is about requests"),
        ("access: {rate_limits: [{rate: 1}]}", "rate_limits is about requests"),
        ("access: {max_body: 1}", "max_body is about requests"),
        ("proxy_protocol: v3", "v3"),
        ("max_connections: 0", "0"),
        ("stream: Postgres", "Postgres"),
        ("services: [{name: a, port: 1, paths: [{uri: /}]}]", "unknown key 'paths'"),
        ("services: [{name: a}]", "needs its port"),
        ("services: [{upstream: a, balance: {sticky: {cookie: c}}}]", "a connection has no cookie"),
        ("services: [{upstream: a}, {upstream: b}]", "1"),
    ],
)
def test_what_is_wrong_is_told_in_its_place(more: str, message: str) -> None:
    key = more.partition(":")[0]
    lines = {"stream": "stream: tcp", "services": "services: [{upstream: echo}]", key: more}
    parsed = parse_file("\n".join(lines.values()), "f.yaml")
    (quarantined,) = parsed.documents
    assert isinstance(quarantined, Quarantined)
    assert message in parsed.problems[0].message
    assert parsed.problems[0].line == list(lines).index(key) + 1
    assert quarantined.stream == ("Postgres" if key == "stream" else "tcp")


def test_config_maps_may_hold_them() -> None:
    parsed = parse_config_map_text("{stream: tcp, services: [{name: db, port: 1}]}", "ns/map/key", "ns")
    (route,) = parsed.documents
    assert isinstance(route, Route)
    assert route.namespace == "ns"


def test_listeners_have_names() -> None:
    settings, problems = load_settings("listeners: {stream: {db: tcp:5432, tls: [tcp:443, tcp6:443]}}", "g.yaml", {})
    assert problems == []
    assert settings is not None
    assert settings.listeners.by_role() == {
        "proxy": ("tcp:9080",), "service_proxy": (), "stream.db": ("tcp:5432",), "stream.tls": ("tcp:443", "tcp6:443"),
        "admin": ("tcp:9180:interface=127.0.0.1",),
    }  # fmt: skip
    for wrong in ("{stream: {DB: tcp:1}}", "{stream: {db: 5432}}", "{stream: tcp:1}"):
        assert load_settings(f"listeners: {wrong}", "g.yaml", {})[0] is None
