"""gwt.audit: what guards each path, who said so, and rules that find what must not be."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import pytest

from gwt.audit import BadRule, audit, findings, read_rule
from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.guards import MAKERS
from gwt.limiter.node import NodeLimiter
from gwt.login import login_of, nobody
from gwt.model.options import Identity
from gwt.model.secret import Secret
from gwt.phase.installed import Installed
from gwt.phase.plugin import Exchange, Plugin
from gwt.phase.plugintype import PluginType
from gwt.steps import finish
from gwt.store.catalog import Catalog
from gwt.store.parts import read_content
from gwt.surroundings import Surroundings
from gwt.zones.arena import PrivateArena


@dataclass(frozen=True)
class KeyAuth(Plugin):
    """Stands for a plugin that asks who somebody is."""

    name = "key-auth"
    priority = 2500
    admits = True

    def access(self, ctx: Exchange) -> None: ...


@dataclass(frozen=True)
class LimitCount(Plugin):
    """Stands for a plugin that limits."""

    name = "limit-count"
    priority = 1002
    admits = True

    def access(self, ctx: Exchange) -> None: ...


DOCUMENTS = """\
name: foo
hosts: [foo.example.com]
namespace: foo
access: {rate_limits: [{rate: 100, selectors: [ip]}]}
services:
- name: a
  port: 80
  paths:
  - {uri: /}
  - {uri: /admin, match: exact, access: {auth_type: login, require: {role: [admin]}, ip_deny: [10.0.0.0/8]}}
  - uri: /administration
    headers: {X-A: "1"}
    access: {rate_limits: []}
    plugins: {key-auth: {}}
  - {uri: "/users/{id}/admin", match: template, plugins: {limit-count: {_meta: {mode: report}}}}
  - {uri: '^/api/v\\d+', match: regex, access: {auth_type: optional}, plugins: {limit-count: {}}}
  - {uri: /shut, plugins: {gone: {}}}
---
rules:
- {host: old.example.com, url: /admin, action: deny}
- {host: old.example.com, url: /, action: redirect, to: /new}
"""


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    for field in ("auth_type", "require", "ip_allow", "ip_deny"):
        monkeypatch.setitem(MAKERS, field, lambda policy, spot, here: [])
    surroundings = Surroundings(
        Registry(lambda: 0.0, lambda: 0.5), installed=Installed(map(PluginType, (KeyAuth, LimitCount))),
        limiter=NodeLimiter(PrivateArena(), 16),
    )  # fmt: skip
    catalog = Catalog()
    catalog.put("foo.yaml", read_content(DOCUMENTS.encode(), "foo.yaml"))
    return audit(compile_now(empty_snapshot(surroundings), finish(catalog.settle()), surroundings))


def said(rows: list[dict[str, Any]], uri: str, kind: str) -> list[tuple[str, str]]:
    (found,) = [row for row in rows if row["uri"] == uri and row["host"] == "foo.example.com"]
    return [(one["what"], one["set_by"]) for one in found[kind]]


def test_what_guards_a_path_and_who_said_so(rows: list[dict[str, Any]]) -> None:
    by_path = "path /admin (foo.yaml:10)"
    assert said(rows, "/admin", "auth") == [("login", by_path)]
    assert said(rows, "/admin", "require") == [("role: admin", by_path)]
    assert said(rows, "/admin", "lists") == [("not 10.0.0.0/8", by_path)]
    assert said(rows, "/", "limits") == [("100/s by ip", "route foo (foo.yaml:4)")]
    assert said(rows, "/", "auth") == said(rows, "/", "lists") == []
    assert said(rows, "/administration", "auth") == [("key-auth", "path /administration (foo.yaml:14)")]
    assert said(rows, "/administration", "limits") == []
    assert [what for what, _ in said(rows, "/users/{id}/admin", "reports")] == ["limit-count"]
    assert [what for what, _ in said(rows, "/users/{id}/admin", "limits")] == ["100/s by ip"]


def found(rows: list[dict[str, Any]], *rules: str) -> list[tuple[str, str]]:
    return [(one.row["uri"], one.path) for one in findings(rows, map(read_rule, rules))]


def test_a_path_counts_as_what_really_answers_it(rows: list[dict[str, Any]]) -> None:
    assert found(rows, "public:foo.*/admin") == []
    assert found(rows, "public:foo.*/admin/*") == [("/", "/admin/~")]
    assert found(rows, "public:foo.*/admin*") == [("/", "/admin/~")]
    assert found(rows, "public:foo.*/administration") == [("/", "/administration")]  # without X-A it falls through
    assert found(rows, "public:foo.*/users/*") == [("/users/{id}/admin", "/users/~/admin"), ("/", "/users/~")]
    assert found(rows, "public:foo.*/api/v1") == [("^/api/v\\d+", "/api/v1")]


def test_words(rows: list[dict[str, Any]]) -> None:
    assert found(rows, "unlimited:foo.example.com/*") == [("/administration", "/administration")]
    assert [uri for uri, _ in found(rows, "closed:*")] == ["/shut"]
    assert ("/admin", "/admin") not in found(rows, "unlisted:/*")
    assert found(rows, "public:old.example.com/admin") == []  # denied: nobody enters
    assert found(rows, "public:old.example.com/*") == [("/", "/")]
    assert found(rows, "public:bar.example.com/*") == []


def test_findings_tell_why(rows: list[dict[str, Any]]) -> None:
    (one,) = findings(rows, [read_rule("public:foo.*/admin/*")])
    assert str(one) == (
        "public:foo.*/admin/*: foo.example.com/admin/~ is answered by / of foo: auth_type public, set by default"
    )
    assert one.row["place"] == "foo.yaml:9"
    (one,) = findings(rows, [read_rule("closed:/shut")])
    assert str(one).endswith("of foo: policy")


@pytest.mark.parametrize(
    ("rule", "why"),
    [("pblic:/x", "did you mean 'public'"), ("public", "comes a path"), ("public:", "comes a path"),
     ("public:admin", "comes a path"), ("", "begins with")],
)  # fmt: skip
def test_rules_that_are_none(rule: str, why: str) -> None:
    with pytest.raises(BadRule, match=why):
        read_rule(rule)


def test_rules_are_written_as_they_are_read() -> None:
    assert [str(read_rule(text)) for text in ("public:/admin*", "public:a.b/*", "closed:*")] == [
        "public:/admin*", "public:a.b/*", "closed:/*"]  # fmt: skip


def test_each_guard_is_named_once_and_an_empty_list_admits_nobody() -> None:
    identity = Identity(keys=(Secret(b64encode(b"k" * 32).decode()),))
    surroundings = Surroundings(
        Registry(lambda: 0.0, lambda: 0.5), installed=Installed(map(PluginType, (KeyAuth, LimitCount))),
        login=login_of(identity, nobody), limiter=NodeLimiter(PrivateArena(), 16),
    )  # fmt: skip
    paths = {
        "/login": {"auth_type": "login"},
        "/optional": {"auth_type": "optional"},
        "/listed": {"auth_type": ["key-auth"]},
        "/nobody": {"ip_allow": [], "ip_deny": []},
        "/limited": {"rate_limits": [{"rate": 1}, {"rate": 2, "selectors": ["user"], "fail": "open"}]},
    }
    services = [{"upstream": "u", "paths": [{"uri": uri, "access": access} for uri, access in paths.items()]}]
    catalog = Catalog()
    text = json.dumps({"name": "foo", "hosts": ["foo.example.com"], "services": services})
    catalog.put("foo.yaml", read_content(text.encode(), "foo.yaml"))
    rows = audit(compile_now(empty_snapshot(surroundings), finish(catalog.settle()), surroundings))
    told = {uri: [what for kind in ("auth", "limits", "lists") for what, _ in said(rows, uri, kind)] for uri in paths}
    assert told == {
        "/login": ["login"], "/optional": ["optional"], "/listed": ["key-auth"], "/nobody": ["only nobody"],
        "/limited": ["1/s, 2/s by user (open without the shared counter)"],
    }  # fmt: skip
    assert found(rows, "unlisted:foo.*/nobody") == []
