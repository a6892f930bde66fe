"""gwt.explain: what is asked, read as a request would be; what is told, as plain data."""

from __future__ import annotations

import json
from typing import Any

import pytest
from edge.rig import Rig

from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.explain import Asked, explain, listing
from gwt.model.route import Access
from gwt.plugins.key_auth import KeyAuth
from gwt.route.hosts import BadHost
from gwt.snapshot import Snapshot
from gwt.steps import finish
from gwt.store.catalog import Catalog
from gwt.store.parts import read_content
from gwt.surroundings import Surroundings

DOCUMENTS = b"""\
name: foo
hosts: [foo.example.com]
namespace: foo
services:
- name: a
  port: 80
  balance: {sticky: {cookie: cart}}
  paths: [{uri: /}]
- resource: status
  paths: [{uri: /status}]
- name: private
  port: 80
  paths: [{uri: /private, access: {auth_type: login}}]
---
rules: [{host: old.example.com, url: /, action: redirect, to: "http://new.example.com/"}]
---
name: regex
hosts: [regex.example.com]
services:
- upstream: bare
  paths:
  - {uri: "[a-z]+/x", match: regex}
  - {uri: /, rewrite: {regex: ["^/odd", "/.."]}}
  - {uri: /first, match: exact}
---
upstreams:
  foo/a:80: ["10.0.0.1:80", {address: "10.0.0.2:80", weight: 2}, {address: "10.0.0.3:80", ready: false}]
"""


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    catalog = Catalog()
    catalog.put("foo.yaml", read_content(DOCUMENTS, "foo.yaml"))
    surroundings = Surroundings(Registry(lambda: 0.0, lambda: 0.5), resources=frozenset({"status"}))
    return compile_now(empty_snapshot(surroundings), finish(catalog.settle()))


def why(snapshot: Snapshot, url: str, *headers: tuple[str, str]) -> dict[str, Any]:
    told = explain(snapshot, Asked("get", url, headers))
    assert json.loads(json.dumps(told)) == told
    return told


def test_a_question_is_read_as_a_request_is() -> None:
    asked = Asked("post", "http://u:p@FOO.example.com:8080/a?x=1&x=2&y=a%20b", [("Cookie", "k=v; k=w"), ("X-A", " 1 ")])
    assert (asked.method, asked.host, asked.raw_path) == (b"POST", b"foo.example.com", b"/a")
    assert (asked.arg(b"x"), asked.arg(b"y"), asked.arg(b"z")) == (b"1", b"a b", None)
    assert (asked.cookie(b"k"), asked.header(b"x-a"), asked.header(b"host")) == (b"v", b"1", b"foo.example.com")
    assert Asked("GET", "http://x/", [("Host", "foo.example.com")]).host == b"foo.example.com"
    assert Asked("GET", "foo.example.com").raw_path == b"/"
    with pytest.raises(BadHost):
        Asked("GET", "http://a b/")


def test_sticky_endpoints_are_told_where_the_key_is_there(snapshot: Snapshot) -> None:
    assert why(snapshot, "foo.example.com/")["winner"]["endpoint"] is None
    picked = {why(snapshot, "foo.example.com/", ("Cookie", "cart=7"))["winner"]["endpoint"] for _ in range(5)}
    assert len(picked) == 1
    assert picked <= {"10.0.0.1:80", "10.0.0.2:80"}
    winner = why(snapshot, "foo.example.com/")["winner"]
    assert winner["balance"] == "sticky by cookie cart"
    assert [one["ready"] for one in winner["endpoints"]] == [True, True, False]


def test_asking_uses_up_nobodys_turn(snapshot: Snapshot) -> None:
    first = json.dumps(why(snapshot, "foo.example.com/", ("Cookie", "cart=7")))
    assert json.dumps(why(snapshot, "foo.example.com/", ("Cookie", "cart=7"))) == first


@pytest.mark.parametrize(
    ("url", "action", "error"),
    [
        ("foo.example.com/status", "forward", None),
        ("old.example.com/x", "redirect", None),
        ("foo.example.com/private", "forward", "policy"),
    ],
)
def test_outcomes(snapshot: Snapshot, url: str, action: str, error: str | None) -> None:
    told = why(snapshot, url)
    assert told["winner"]["action"] == action
    assert (told["error"] and told["error"]["code"]) == error


def test_a_path_that_is_too_long_for_a_regex_is_refused_unless_something_wins_before(snapshot: Snapshot) -> None:
    told = why(snapshot, "http://regex.example.com/" + "a" * 2000)
    assert told["error"]["code"] == "bad_request" and "takes 1024" in told["error"]["message"]
    assert told["winner"] is None and told["host_pattern"] == "regex.example.com"
    told = why(snapshot, "http://regex.example.com/first")
    assert told["winner"]["path"] == "/first"


def test_a_rewrite_that_gives_no_path_is_told(snapshot: Snapshot) -> None:
    told = why(snapshot, "http://regex.example.com/odd")
    assert (told["error"]["code"], told["winner"]) == ("bad_request", None)


def test_escaped_slashes_are_refused_on_guarded_hosts(snapshot: Snapshot) -> None:
    assert why(snapshot, "foo.example.com/a%2Fb")["error"]["code"] == "bad_request"
    assert why(snapshot, "old.example.com/a%2Fb")["error"] is None


def test_the_listing_has_every_path(snapshot: Snapshot) -> None:
    rows = {(row["host"], row["uri"]): row for row in listing(snapshot)}
    assert rows["foo.example.com", "/"]["goes_to"] == "foo/a:80"
    assert (rows["foo.example.com", "/"]["ready"], rows["foo.example.com", "/"]["endpoints"]) == (2, 3)
    assert rows["foo.example.com", "/private"]["closed"] == "policy"
    assert rows["foo.example.com", "/status"]["goes_to"] == "resource status"
    assert rows["old.example.com", "/"]["goes_to"] == "redirect http://new.example.com/"


def test_what_guards_a_path_is_told_without_its_secrets() -> None:
    plugins = {"key-auth": {"keys": {"SEKRET": "alice"}}}
    access = Access(auth_type=("key-auth",), ip_deny=("10.0.0.0/8",), require={"sub": ("alice",)})
    visit = Rig(kinds=[KeyAuth], access=access, plugins=plugins)
    told = explain(visit.current.snapshot, Asked("GET", "http://a/"))
    shown = [(one["name"], one["priority"], one["set_by"]) for one in told["winner"]["plugins"]]
    assert shown == [("ip", 3000, "route r"), ("auth", 2500, "route r"), ("require", 2000, "route r")]
    assert "SEKRET" not in repr(told)
