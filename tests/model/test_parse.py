"""Files of documents: every kind, quarantine that harms nobody, places, and texts that never raise."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.model.others import ConsumersDoc, KubeObject, ListsDoc, RulesDoc, UpstreamsDoc
from gwt.model.parse import Parsed, parse_config_map_text, parse_file
from gwt.model.route import Balance, EndpointSpec, Env, PluginUse, Quarantined, Rewrite, Route, Timeout

FULL = """\
name: foo
namespace: null
hosts: ["foo{mark}.Example.com"]
envs:
- {mark: -prod, namespace: foo}
- {mark: , namespace: test}
access: {}
plugins: {}
services:
- name: foo-service
  port: 8080
  namespace: null
  protocol: http
  balance: round_robin
  host: preserve
  paths:
  - uri: /headers
    match: prefix
    methods: [GET]
    headers: {X-Canary: "1"}
    remote_addrs: [10.0.0.0/8]
    vars: [["arg_name", "==", "jack"], ["http_x", "~~", "^v[0-9]+$"]]
    priority: 0
    rewrite: null
    access: {auth_type: login, timeout: 10}
  - uri: /
    access: {rate_limits: [{rate: 100, burst: 0}]}
    timeout: 5
"""


def parse(text: str) -> Parsed:
    return parse_file(text, "f.yaml")


def route(**fields: Any) -> dict[str, Any]:
    return {"name": "r", "hosts": ["a.b"], "services": [service()], **fields}


def service(**fields: Any) -> dict[str, Any]:
    return {"name": "s", "port": 80, "paths": [{"uri": "/"}], **fields}


def one(value: Any) -> Route:
    parsed = parse(json.dumps(value))
    assert not parsed.problems, parsed.problems
    (document,) = parsed.documents
    assert isinstance(document, Route)
    return document


def path(**fields: Any) -> Any:
    return one(route(services=[service(paths=[{"uri": "/", **fields}])])).services[0].paths[0]


def wrong(value: Any) -> list[str]:
    parsed = parse(json.dumps(value))
    (document,) = parsed.documents
    assert isinstance(document, Quarantined), document
    assert document.problems == parsed.problems
    return [problem.message for problem in parsed.problems]


def test_the_whole_of_a_route() -> None:
    (document,) = parse(FULL).documents
    assert isinstance(document, Route)
    assert (document.name, document.hosts) == ("foo", ("foo{mark}.example.com",))
    assert document.envs == (Env("-prod", "foo"), Env("", "test"))
    (found,) = document.services
    assert (found.name, found.port, found.line, found.balance) == ("foo-service", 8080, 10, Balance())
    first, second = found.paths
    assert first.vars == (("arg_name", "==", "jack"), ("http_x", "~~", "^v[0-9]+$"))
    assert (first.access.auth_type, first.access.timeout) == ("login", Timeout(5, 10, 10))
    assert first.access.lines == {"auth_type": 25, "timeout": 25}
    assert (second.access.timeout, second.access.lines["timeout"]) == (Timeout(5, 5, 5), 28)
    assert (first.line, second.line) == (17, 26)


def test_json_and_yaml_of_a_route_are_the_same() -> None:
    value = yaml.safe_load(FULL)
    assert parse(json.dumps(value)).documents[0].hosts == parse(FULL).documents[0].hosts  # type: ignore[union-attr]
    pretty = parse(json.dumps(value, indent=2)).documents[0]
    assert isinstance(pretty, Route)
    assert pretty.services[0].paths[1].line > pretty.services[0].paths[0].line > 1


@pytest.mark.parametrize(
    ("written", "balance"),
    [
        ("round_robin", Balance()),
        ("sticky", Balance("sticky")),
        ("least_conn", Balance("least_conn")),
        ("p2c", Balance("p2c")),
        ({"sticky": "user"}, Balance("sticky", "user")),
        ({"sticky": "ip"}, Balance("sticky", "ip")),
        ({"sticky": {"header": "X-A"}}, Balance("sticky", "header", "X-A")),
        ({"sticky": {"cookie": "c"}}, Balance("sticky", "cookie", "c")),
    ],
)
def test_balances(written: Any, balance: Balance) -> None:
    assert one(route(services=[service(balance=written)])).services[0].balance == balance


def test_short_and_long_forms() -> None:
    assert path(timeout=2).access.timeout == Timeout(2, 2, 2)
    assert path(timeout={"connect": "1s", "total": 9}).access.timeout == Timeout(1, 60, 60, 9)
    assert path(timeout="500ms").access.timeout == Timeout(0.5, 0.5, 0.5)
    assert one(route(timeout=3)).access.timeout == Timeout(3, 3, 3)
    assert one(route(services=[service(timeout=4)])).services[0].access.timeout == Timeout(4, 4, 4)
    assert path(rewrite={"regex": ["^/a", "/b"]}).rewrite == Rewrite(regex=("^/a", "/b"))
    assert path(rewrite={"strip": "/api"}).rewrite == Rewrite(strip="/api")
    assert path(access={"max_body": "1MiB", "require": {"role": "admin"}}).access.max_body == 1 << 20
    assert path(access={"ip_allow": []}).access.ip_allow == ()
    assert path(access={"ip_deny": ["::ffff:10.0.0.0/104", "@bad"]}).access.ip_deny == ("10.0.0.0/8", "@bad")
    assert path(plugins={"cors": {"a": 1}, "x": False}).plugins == (
        PluginUse("cors", {"a": 1}, 1),
        PluginUse("x", None, 1),
    )
    assert path(match="template", uri="/users/{id}/x").match == "template"
    assert one(route(services=[{"upstream": "u", "paths": [{"uri": "/"}]}])).services[0].upstream == "u"
    assert one(route(services=[{"resource": "docs", "paths": [{"uri": "/"}]}])).services[0].resource == "docs"
    assert one(route(services=[service(port="http")])).services[0].port == "http"


def test_a_route_without_name_is_named_by_its_identity() -> None:
    value = route()
    del value["name"]
    first, second = parse(json.dumps(value) + "\n---\n" + json.dumps(value)).documents
    assert isinstance(first, Route) and isinstance(second, Route)
    assert (first.name, second.name) == ("f.yaml", "f.yaml#2")
    assert second.source.identity == "f.yaml#2"


def in_path(**fields: Any) -> Any:
    return route(services=[service(paths=[{"uri": "/", **fields}])])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (route(hosts=["a b"]), "is not a host name"),
        (route(hosts=["a{mark}.b"]), "no envs"),
        (route(hosts=["a{mark}.b"], envs=[{"mark": "."}]), "can't be part of a host"),
        (route(hosts=["a{mark}.b"], envs=[{"mark": "x"}, {"mark": "x"}]), "stands twice"),
        (route(hosts=["{mark}.b"], envs=[{"mark": ""}]), "which is no host name"),
        (route(name="a\nb"), "none of them a control character"),
        (route(namespace="A"), "is not a namespace"),
        (route(services=[service(port=None)]), "needs its port"),
        (route(services=[service(port="8080")]), "without quotes"),
        (route(services=[service(port="UPPER")]), "is not a port's name"),
        (route(services=[service(port=70000)]), "at most 65535"),
        (route(services=[service(upstream="u")]), "exactly one of name, upstream and resource"),
        (route(services=[{"paths": [{"uri": "/"}]}]), "exactly one of name, upstream and resource"),
        (route(services=[{"upstream": "u", "port": 1, "paths": [{"uri": "/"}]}]), "port goes with a service's name"),
        (route(services=[service(host="a b")]), "expected preserve, upstream or a host name"),
        (route(services=[service(balance={"sticky": {}})]), "must not be empty"),
        (route(services=[service(balance={"sticky": {"header": "a", "cookie": "b"}})]), "one of header and cookie"),
        (route(services=[service(balance={"sticky": {"header": "a b"}})]), "is not a header name"),
        (route(timeout=1, access={"timeout": 2}), "both beside access and in it"),
        (in_path(uri="x"), "write /x"),
        (in_path(uri="^/x"), "match: regex takes patterns"),
        (in_path(uri="/x?a=1"), "without query"),
        (in_path(uri="/x;y"), "holds no ;"),
        (in_path(uri="/a b"), "no blanks"),
        (in_path(uri="/%zz"), "broken escapes"),
        (in_path(uri="/a%5Cb"), "broken escapes"),
        (in_path(uri="/u/{id}"), "needs match: template"),
        (in_path(uri="/u/x{id}", match="template"), "takes a whole segment"),
        (in_path(uri="(a+)+", match="regex"), "can take ages"),
        (in_path(uri="(", match="regex"), "not a regular expression"),
        (in_path(methods=["get"]), "did you mean 'GET'?"),
        (in_path(methods=["G T"]), "is not a method name"),
        (in_path(headers={"a b": "x"}), "is not a header name"),
        (in_path(headers={"A": "x", "a": "y"}), "is the same header as A"),
        (in_path(remote_addrs=["10.0.0.0/40"]), "is not an address or CIDR"),
        (in_path(remote_addrs=["@list"]), "is not an address or CIDR"),
        (in_path(vars=[["nope", "==", "x"]]), "unknown variable 'nope'"),
        (in_path(vars=[["uri", "in", "x"]]), "in takes a list"),
        (in_path(vars=[["uri", "==", ["x"]]]), "takes one value"),
        (in_path(vars=[["arg_n", ">", "x"]]), "compares numbers"),
        (in_path(vars=[["uri", "~~", "("]]), "not a regular expression"),
        (in_path(vars=[["uri", "~~", 5]]), "takes a regular expression"),
        (in_path(rewrite={}), "exactly one of strip, prefix and regex"),
        (in_path(rewrite={"strip": "a"}), "takes a path"),
        (in_path(rewrite={"regex": ["a", "\\2"]}), "not a replacement"),
        (in_path(timeout=0), "from 1ms"),
        (in_path(access={"auth_type": "not a name"}), "expected public, optional, login or a list"),
        (in_path(access={"auth_type": ["login"]}), "stands alone"),
        (in_path(access={"ip_allow": None}), "got null"),
        (in_path(access={"rate_limits": [{"rate": 1, "selectors": ["ip", "ip"]}]}), "stands twice"),
        (in_path(plugins={"a b": {}}), "can't be a plugin's name"),
        ({"upstreams": {"a/b": []}}, "expected namespace/service:port or a bare name"),
        ({"upstreams": {"u": ["10.0.0.1"]}}, "has no port"),
        ({"rules": [{"url": "/", "action": "forward"}]}, "needs cluster"),
        ({"rules": [{"url": "/", "action": "deny", "to": "/x"}]}, "to goes with action redirect"),
        ({"rules": [{"url": "x", "action": "deny"}]}, "a url starts with /"),
        ({"rules": [{"url": "/", "action": "redirect", "to": "javascript:x"}]}, "takes a path or an http(s) URL"),
        ({"lists": {"a b": []}}, "can't be a list's name"),
        ({"lists": {"a": ["@b"]}}, "is not an address or CIDR"),
        ({"rules": [], "lists": {}}, "unknown key 'lists'"),
        ([1], "a document is a mapping, this is a list"),
    ],
)
def test_refused(value: Any, message: str) -> None:
    assert any(message in said for said in wrong(value)), wrong(value)


@pytest.mark.parametrize(
    ("word", "hint"),
    [("logn", "did you mean 'login'?"), ("key-auth", "a plugin stands in a list: [key-auth]"), ("sso", ": [sso]")],
)
def test_an_unknown_auth_type_is_an_error_that_keeps_no_document_out(word: str, hint: str) -> None:
    text = f"hosts: [a.x]\nservices:\n- upstream: u\n  paths:\n  - uri: /\n    access: {{auth_type: {word}}}\n"
    parsed = parse(text)
    (document,) = parsed.documents
    (problem,) = parsed.problems
    assert isinstance(document, Route)
    assert document.services[0].paths[0].access.auth_type == word
    assert (problem.line, problem.column, problem.severity, problem.keeps_out) == (6, 25, "error", False)
    assert f"unknown auth_type {word!r}" in problem.message and problem.message.endswith(hint)


def test_with_another_fault_beside_an_unknown_auth_type_the_document_is_set_aside() -> None:
    assert any("unknown auth_type" in said for said in wrong(in_path(access={"auth_type": "sso"}, nam=1)))
    assert any("unknown auth_type" in said for said in wrong(in_path(access={"auth_type": "sso"}, timeout=0)))


def test_faults_behind_the_schema_are_told_with_those_of_the_schema() -> None:
    value = route(hosts=["a b", 1], nam="x", services=[service(port=0, paths=[{"uri": "x", "acess": {}}, {"uri": 1}])])
    said = " | ".join(wrong(value))
    for part in (
        "unknown key 'nam'",
        "got the number 1",
        "at least 1",
        "write /x",
        "unknown key 'acess', did you mean 'access'",
    ):
        assert part in said
    assert "needs its port" not in said


def test_other_documents() -> None:
    text = (
        'upstreams: {"foo/s:8080": ["10.0.0.1:80", {address: "[::1]:80", weight: 3}], u: []}\n---\n'
        "rules:\n- {host: Foo.x, url: /a, action: deny}\n- {url: /b, action: redirect, to: /c, code: 301}\n---\n"
        "lists: {office: [10.0.0.1/8]}\n---\nconsumers: {ann: {key-auth: {key: k}}}\n"
    )
    parsed = parse(text)
    upstreams, rules, lists, consumers = parsed.documents
    assert isinstance(upstreams, UpstreamsDoc) and isinstance(rules, RulesDoc)
    assert isinstance(lists, ListsDoc) and isinstance(consumers, ConsumersDoc)
    assert upstreams.services[0].endpoints == (EndpointSpec("10.0.0.1:80"), EndpointSpec("[::1]:80", weight=3))
    assert [(rule.host, rule.action, rule.code, rule.source.line) for rule in rules.rules] == [
        ("foo.x", "deny", 302, 4),
        ("*", "redirect", 301, 5),
    ]
    assert lists.lists == {"office": ("10.0.0.0/8",)}
    assert consumers.consumers["ann"] == {"key-auth": {"key": "k"}}
    assert [(problem.severity, problem.line) for problem in parsed.problems] == [("warning", 7)]
    assert parsed.errors == ()


CONFIG_MAP = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: c, namespace: team, labels: {gwt.io/route: "true"}}
  data:
    a.yaml: |
      hosts: [a.b]
      services: [{name: s, port: 1, paths: [{uri: /}]}]
      ---
      name: bad
      hosts: [c.d]
      services: [{name: s, port: 1, paths: [{ur: /}]}]
    b.json: '{"hosts": ["e.f"], "services": [{"name": "s", "port": 0, "paths": [{"uri": "/"}]}]}'
    c.txt: "no"
- apiVersion: v1
  kind: Service
  metadata: {name: s, namespace: team}
  spec: {ports: [{port: 1}]}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: s}
- {apiVersion: v1, kind: Service}
"""


def test_config_maps_are_opened_and_their_problems_placed_in_the_file() -> None:
    parsed = parse(CONFIG_MAP)
    first, second, third, kube, last = parsed.documents
    assert isinstance(first, Route) and isinstance(second, Quarantined) and isinstance(third, Quarantined)
    assert (first.source.identity, first.namespace, first.source.line) == ("team/c/a.yaml", "team", 9)
    assert (second.name, second.hosts, second.source.identity) == ("bad", ("c.d",), "team/c/a.yaml#2")
    assert {(problem.line, problem.column) for problem in second.problems} == {(14, 45), (14, 46)}
    assert third.problems[0].line == 15
    assert "line 1, column" in third.problems[0].message
    assert isinstance(kube, KubeObject) and (kube.kind, kube.namespace, kube.name, kube.source.line) == (
        "Service",
        "team",
        "s",
        17,
    )
    assert isinstance(last, Quarantined)
    warnings = [problem.message for problem in parsed.problems if problem.severity == "warning"]
    assert len(warnings) == 2 and "c.txt is not read" in warnings[0] and "Deployment" in warnings[1]


def test_the_text_of_a_config_map_holds_routes_only() -> None:
    parsed = parse_config_map_text("rules: []\n---\n" + json.dumps(route()), "ns/c/k.yaml", "ns")
    assert isinstance(parsed.documents[0], Quarantined)
    assert isinstance(parsed.documents[1], Route)
    assert parsed.documents[1].namespace == "ns"


@pytest.mark.parametrize(
    "text",
    [
        "name: n\nhosts: [a.b, 'c.d']\nx: @",
        "name: n\nhosts:\n  - a.b # first\n\n  - 'c.d'\nx: @",
        '{"name": "n", "hosts": ["a.b", "c.d"], }}',
        "name: n\nhosts: [a.b, c.d, 5]\nservices: 3",
        "name: n\nhosts: [a.b, c.d]\nname: m\n",
        "hosts: [c{mark}, 'a{mark}']\nname: n\nenvs: [{mark: .d}, {mark: .b}, {mark: '.d'}]\nx: @",
    ],
)
def test_name_and_hosts_of_a_broken_document(text: str) -> None:
    (document,) = parse(text).documents
    assert isinstance(document, Quarantined)
    assert document.name == "n"
    if "mark" not in text:
        assert document.hosts == ("a.b", "c.d")


def test_marks_of_a_broken_document_are_expanded() -> None:
    (document,) = parse('name: n\nhosts: ["a{mark}.x"]\nenvs: [{mark: -t}, {mark: ""}]\nbad: 1').documents
    assert isinstance(document, Quarantined)
    assert document.hosts == ("a-t.x", "a.x")


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [spot for key, item in items for spot in [(*path, key), *spots(item, (*path, key))]]


GOOD = [
    yaml.safe_load(FULL),
    {"upstreams": {"foo/s:80": ["10.0.0.1:80", {"address": "10.0.0.2:80", "weight": 2}]}},
    {"rules": [{"host": "*", "url": "/a", "action": "redirect", "to": "/b"}]},
    {"lists": {"a": ["10.0.0.0/8"]}},
    *yaml.safe_load(CONFIG_MAP)["items"],
    {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "x"},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
        "ports": [{"name": "", "port": 80}],
    },
]
JUNK: Any = st.sampled_from(
    [None, True, 0, -1, 1.5, "", "x", "\n", [], {}, [[]], {"": None}, [None], "a" * 300, 10**30, "{mark}"]
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(GOOD), st.data())
def test_mutants_give_values_or_problems_in_their_place(good: Any, data: st.DataObject) -> None:
    value = copy.deepcopy(good)
    for _ in range(data.draw(st.integers(1, 3))):
        spot = data.draw(st.sampled_from(spots(value) or [()]))
        if not spot:
            continue
        owner = value
        for step in spot[:-1]:
            owner = owner[step]
        if data.draw(st.booleans()):
            owner[spot[-1]] = copy.deepcopy(data.draw(JUNK))
        elif isinstance(owner, dict):
            owner[data.draw(st.sampled_from(["x", "hostz", "kind", ""]))] = owner.pop(spot[-1])
        else:
            del owner[spot[-1]]
    flow = parse(json.dumps(value))
    block = parse(yaml.safe_dump(value, sort_keys=False))
    for parsed, lines in ((flow, 1), (block, 200)):
        for problem in parsed.problems:
            assert 1 <= problem.line <= lines and problem.column >= 1
        for document in parsed.documents:
            assert not isinstance(document, Quarantined) or document.problems
    assert [type(one) for one in flow.documents] == [type(one) for one in block.documents]


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["hosts", "services", "kind", "items", "upstreams", "rules", "metadata", "name", "x"]),
                inner,
            )
        ),
    )
)
def test_random_documents_never_raise(value: Any) -> None:
    parse(json.dumps(value))


def test_a_bad_document_harms_no_other() -> None:
    texts = [json.dumps(route(name=f"r{n}")) for n in range(5)]
    texts[1], texts[3] = "hosts: [x{mark}]", '{"name": "r3", "hosts": ["z.z"]'
    kinds = [type(one) for one in parse("\n---\n".join(texts)).documents]
    assert kinds == [Route, Quarantined, Route, Quarantined, Route]
