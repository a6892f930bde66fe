from __future__ import annotations

from typing import Any

import pytest

from gwt.balance.endpoint import Registry
from gwt.branches import LAST, Branch, Grower, closed_branch, expand_hosts, service_key
from gwt.fitting import Outermost
from gwt.leaf import Leaf
from gwt.model.forms import PROTOCOLS
from gwt.model.route import Access, Env, Path, PluginUse, Problem, Quarantined, Rewrite, Route, Service, Source, Timeout
from gwt.steps import finish
from gwt.surroundings import Surroundings

SURROUNDINGS = Surroundings(Registry(lambda: 0.0, lambda: 0.5), resources=frozenset({"files"}))
ROOT = Path("/")
TO_ROOT = (Service(upstream="u", paths=(ROOT,)),)
ENVS = (Env("-prod", "foo"), Env("-test", "test"))


def grown(route: Route, surroundings: Surroundings = SURROUNDINGS) -> Branch:
    return finish(Grower(Outermost.of(surroundings)).grow(route))


def leaf_of(path: Path = ROOT, surroundings: Surroundings = SURROUNDINGS, **service: Any) -> Leaf:
    service = {"name": "web", "port": 80, **service} if not {"upstream", "resource"} & service.keys() else service
    route = Route("foo", ("foo.x",), "ns", services=(Service(paths=(path,), **service),), source=Source("a.yaml", 1))
    return grown(route, surroundings).entries["foo.x"][0].target


def test_marks_are_replaced_by_those_of_each_env() -> None:
    route = Route("foo", ("foo{mark}.x", "fixed.x"), "own", ENVS)
    assert list(expand_hosts(route)) == [
        ("foo-prod.x", "-prod", "foo"),
        ("foo-test.x", "-test", "test"),
        ("fixed.x", None, "own"),
    ]


def test_a_host_without_a_mark_takes_the_env_whose_mark_is_empty() -> None:
    route = Route("foo", ("foo{mark}.x", "fixed.x"), "own", (*ENVS, Env("", "live")))
    assert ("fixed.x", "", "live") in list(expand_hosts(route))
    assert ("foo.x", "", "live") in list(expand_hosts(route))


def test_a_namespace_that_nobody_names_is_default() -> None:
    assert list(expand_hosts(Route("foo", ("foo.x",)))) == [("foo.x", None, "default")]
    assert list(expand_hosts(Route("foo", ("a{mark}",), "own", (Env("-b", None),)))) == [("a-b", "-b", "own")]


def test_service_keys() -> None:
    assert service_key(Service(name="web", port=80), "ns") == "ns/web:80"
    assert service_key(Service(name="web", port="http", namespace="other"), "ns") == "other/web:http"
    assert service_key(Service(upstream="backend"), "ns") == "backend"
    assert service_key(Service(resource="files"), "ns") is None


def test_hosts_of_one_namespace_share_their_entries() -> None:
    route = Route("foo", ("a.x", "b.x", "c{mark}.x"), "foo", ENVS, services=TO_ROOT)
    entries = grown(route).entries
    assert entries["a.x"] is entries["b.x"]
    assert entries["a.x"] is entries["c-prod.x"]
    assert entries["c-test.x"][0].target is not entries["a.x"][0].target


def test_all_that_a_request_asks_for_stands_flat_on_the_leaf() -> None:
    access = Access(timeout=Timeout(1, 2, 3, 4), retries=5, retry_buffer=6, max_body=7, max_message=8)
    leaf = leaf_of(Path("/a", access=access, rewrite=Rewrite(strip="/a")), host="upstream")
    assert (leaf.connect, leaf.first_byte, leaf.read, leaf.total) == (1, 2, 3, 4)
    assert (leaf.retries, leaf.retry_buffer, leaf.max_body, leaf.max_message) == (5, 6, 7, 8)
    assert (leaf.route, leaf.service, leaf.path, leaf.upstream) == ("foo", "web", "/a", "ns/web:80")
    assert (leaf.protocol, leaf.host_mode, leaf.action, leaf.closed) == ("http", b"", "forward", None)
    assert leaf.rewrite is not None
    assert leaf.rewrite(b"/a/b") == b"/b"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_protocols(protocol: str) -> None:
    leaf = leaf_of(protocol=protocol)
    assert (leaf.protocol, leaf.closed) == (protocol, None)
    assert leaf.framed == (protocol in ("h2c", "h2", "grpc", "grpcs"))
    assert (leaf.tls is not None) == (protocol in ("https", "h2", "grpcs"))


def test_host_modes() -> None:
    assert leaf_of().host_mode is None
    assert leaf_of(host="preserve").host_mode is None
    assert leaf_of(host="internal:8080").host_mode == b"internal:8080"
    with pytest.raises(ValueError, match="host"):
        leaf_of(host="a\r\nx: y")


def test_the_lower_level_wins_and_is_named_with_its_place() -> None:
    surroundings = Surroundings(Registry(lambda: 0.0, lambda: 0.5), Access(retries=1, max_body=1), file="gateway.yaml")
    path = Path("/a", access=Access(retries=3, lines={"retries": 12}), line=10)
    policy = leaf_of(path, surroundings).policy
    assert (policy.retries, policy.max_body) == (3, 1)
    assert str(policy.origins["retries"]) == "path /a (a.yaml:12)"
    assert policy.origins["max_body"].level == "global"


def test_paths_of_which_nobody_says_anything_share_one_policy() -> None:
    grower = Grower(Outermost.of(SURROUNDINGS))
    routes = [Route(n, (f"{n}.x",), services=(Service(upstream="u", paths=(Path("/"),)),)) for n in ("foo", "bar")]
    one, other = (finish(grower.grow(route)).entries[route.hosts[0]][0].target for route in routes)
    assert one.policy is other.policy


def test_a_closed_path_is_told_to_operators_not_to_clients() -> None:
    shut_path = Path("/in", access=Access(auth_type="login"), line=9)
    services = (Service(upstream="u", paths=(Path("/", line=7), shut_path)),)
    branch = grown(Route("foo", ("foo.x",), services=services, source=Source("a.yaml", 1)))
    free, shut = (entry.target for entry in branch.entries["foo.x"])
    assert free.closed is None
    assert shut.closed.code == "policy"
    assert "login" not in shut.closed.message
    (problem,) = branch.problems
    assert (problem.file, problem.line, problem.name, problem.severity) == ("a.yaml", 9, "foo", "warning")
    assert "closed with 503" in problem.message
    assert branch.guarded == {"foo.x"}


def test_global_plugins_close_what_says_nothing_itself() -> None:
    surroundings = Surroundings(Registry(lambda: 0.0, lambda: 0.5), plugins=(PluginUse("key-auth", {}),))
    assert leaf_of(Path("/"), surroundings).closed is not None
    off = Path("/", plugins=(PluginUse("key-auth", None),))
    assert leaf_of(off, surroundings).closed is None


def test_how_deep_a_resource_stands() -> None:
    assert leaf_of(Path("/api/v1"), resource="files").depth == 2
    assert leaf_of(Path("/"), resource="files").depth == 0
    assert leaf_of(Path("/api/v1", match="exact"), resource="files").depth == 0
    assert leaf_of(Path("/api/v1", rewrite=Rewrite(strip="/api")), resource="files").depth == 0
    assert leaf_of(Path("/api/v1")).depth == 0


def test_a_resource_must_be_mounted_here() -> None:
    assert leaf_of(resource="files").closed is None
    assert leaf_of(resource="files").resource == "files"
    assert leaf_of(resource="other").closed is not None


def test_marks_that_give_one_host_twice_are_reported() -> None:
    route = Route("foo", ("foo{mark}.x", "foo-prod.x"), "foo", ENVS, services=TO_ROOT)
    assert ["foo-prod.x" in problem.message for problem in grown(route).problems] == [True]


@pytest.mark.parametrize(
    "path",
    [Path("a"), Path("(", "regex"), Path("/", remote_addrs=("10.0.0.0/99",)), Path("/", rewrite=Rewrite(strip="a"))],
)
def test_what_can_not_be_compiled_is_a_value_error_for_people(path: Path) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        leaf_of(path)


def test_a_quarantined_document_closes_the_hosts_that_can_be_read() -> None:
    bad = Quarantined("foo", ("foo.x", "*.foo.x", "not a host"), (Problem("a.yaml", 1, 1, "m"),), Source("a.yaml", 1))
    branch = closed_branch(bad, "key")
    assert set(branch.entries) == {"foo.x", "*.foo.x"}
    (entry,) = branch.entries["foo.x"]
    assert (entry.uri, entry.match, entry.priority) == (b"/", "prefix", LAST)
    assert entry.target.closed.code == "policy"
    assert entry.target.route == "foo"
