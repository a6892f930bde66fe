from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from showing import shown_snapshot

from gwt.balance.endpoint import Registry
from gwt.branches import Grower
from gwt.compile import compile_delta, compile_now, empty_snapshot
from gwt.delta import Delta, quarantine_key
from gwt.leaf import Leaf
from gwt.model.route import (
    Access,
    EndpointSpec,
    Path,
    PluginUse,
    Problem,
    Quarantined,
    Route,
    Rule,
    Service,
    ServiceSpec,
    Source,
)
from gwt.route.path import match_path
from gwt.snapshot import Snapshot
from gwt.steps import finish
from gwt.surroundings import Surroundings

SURROUNDINGS = Surroundings(Registry(lambda: 0.0, lambda: 0.5))
EMPTY = empty_snapshot(SURROUNDINGS)


class View:
    """A bare GET."""

    method, client = b"GET", "10.0.0.1"

    def __init__(self, host: bytes, path: bytes) -> None:
        self.host, self.path = host, path

    def header(self, name_lower: bytes) -> bytes | None:
        return None

    arg = cookie = header


def route(name: str, *hosts: str, uri: str = "/", upstream: str = "u", **path: Any) -> Route:
    service = Service(upstream=upstream, paths=(Path(uri, line=5, **path),))
    return Route(name, hosts, services=(service,), source=Source(f"{name}.yaml", 1))


def bad(*hosts: str) -> Quarantined:
    return Quarantined(None, hosts, (Problem("bad.yaml", 1, 1, "wrong"),), Source("bad.yaml", 1))


def routes(*given: Route) -> Mapping[str, Route]:
    return {one.name: one for one in given}


def found(snapshot: Snapshot, host: str, path: str = "/") -> Leaf | None:
    raw = path.encode()
    return snapshot.router.match(host.encode(), match_path(raw), View(host.encode(), raw))


def code(leaf: Leaf | None) -> str | None:
    assert leaf is not None
    return leaf.closed and leaf.closed.code


def test_all_routes_of_a_host_compete() -> None:
    snapshot = compile_now(EMPTY, Delta(1, routes(route("a", "x"), route("b", "x", uri="/b"))))
    assert found(snapshot, "x", "/").route == "a"  # type: ignore[union-attr]
    assert found(snapshot, "x", "/b/c").route == "b"  # type: ignore[union-attr]
    assert found(snapshot, "y") is None


def test_a_change_shares_what_it_does_not_touch() -> None:
    first = compile_now(EMPTY, Delta(1, routes(route("a", "a.x"), route("b", "b.x"))))
    second = compile_now(first, Delta(2, routes(route("b", "b.x", upstream="v"))))
    assert second.router.entries_of("a.x")[0] is first.router.entries_of("a.x")[0]
    assert found(second, "b.x").upstream == "v"  # type: ignore[union-attr]
    assert found(first, "b.x").upstream == "u"  # type: ignore[union-attr]


def test_a_neighbour_on_the_same_host_keeps_its_leaf() -> None:
    first = compile_now(EMPTY, Delta(1, routes(route("a", "x"), route("b", "x", uri="/b"))))
    second = compile_now(first, Delta(2, routes(route("b", "x", uri="/c"))))
    assert found(second, "x") is found(first, "x")
    assert found(second, "x", "/b") is found(first, "x")


def test_a_route_that_leaves_a_host_is_gone_there() -> None:
    first = compile_now(EMPTY, Delta(1, routes(route("a", "a.x", "b.x"))))
    second = compile_now(first, Delta(2, routes(route("a", "b.x"))))
    assert found(second, "a.x") is None
    assert found(compile_now(second, Delta(3, {"a": None})), "b.x") is None


def test_endpoints_alone_share_the_router() -> None:
    first = compile_now(EMPTY, Delta(1, routes(route("a", "x"))))
    second = compile_now(first, Delta(2, services={"u": ServiceSpec("u", (EndpointSpec("10.0.0.1:80"),))}))
    assert second.router is first.router
    assert second.book.branches is first.book.branches
    assert second.upstreams["u"].endpoints[0].address == "10.0.0.1:80"
    assert "u" not in first.upstreams


def test_a_named_port_is_resolved_by_the_services_that_there_are() -> None:
    service = Service(name="web", port="http", paths=(Path("/"),))
    snapshot = compile_now(EMPTY, Delta(1, {"a": Route("a", ("x",), "ns", services=(service,))}))
    leaf = found(snapshot, "x")
    assert leaf is not None
    assert snapshot.upstreams.get(leaf.upstream or "") is None  # a service that is not there is no matter of policy
    assert leaf.closed is None
    spec = ServiceSpec("ns/web:8080", (EndpointSpec("10.0.0.1:80"),), port_name="http")
    after = compile_now(snapshot, Delta(2, services={spec.key: spec}))
    assert after.upstreams[leaf.upstream or ""].key == "ns/web:8080"


def test_a_quarantined_host_never_falls_through_to_a_wildcard() -> None:
    snapshot = compile_now(EMPTY, Delta(1, {"w": route("w", "*.x"), quarantine_key("bad.yaml"): bad("a.x")}))
    assert code(found(snapshot, "a.x", "/any/path")) == "policy"
    assert found(snapshot, "b.x").route == "w"  # type: ignore[union-attr]
    mended = compile_now(snapshot, Delta(2, {quarantine_key("bad.yaml"): None}))
    assert found(mended, "a.x").route == "w"  # type: ignore[union-attr]


def test_other_documents_on_the_host_of_a_quarantined_one_are_untouched() -> None:
    snapshot = compile_now(
        EMPTY, Delta(1, {"a": route("a", "x", uri="/a", priority=-9), quarantine_key("bad.yaml"): bad("x")})
    )
    assert found(snapshot, "x", "/a").route == "a"  # type: ignore[union-attr]
    assert code(found(snapshot, "x", "/b")) == "policy"
    assert [problem for problem in snapshot.problems() if "told apart" in problem.message] == []


def test_a_route_that_can_not_be_compiled_keeps_its_last_good_version() -> None:
    first = compile_now(EMPTY, Delta(1, routes(route("a", "x"))))
    second = compile_now(first, Delta(2, routes(route("a", "x", uri="(", match="regex"))))
    assert found(second, "x") is found(first, "x")
    (problem,) = second.problems()
    assert (problem.file, problem.name, problem.severity, second.errors) == ("a.yaml", "a", "error", 1)
    third = compile_now(second, Delta(3, routes(route("a", "y"))))
    assert found(third, "x") is None
    assert list(third.problems()) == []


def test_without_a_last_good_version_it_is_closed() -> None:
    snapshot = compile_now(EMPTY, Delta(1, routes(route("a", "x", uri="(", match="regex"))))
    assert code(found(snapshot, "x")) == "policy"
    closed_again = compile_now(snapshot, Delta(2, routes(route("a", "x", uri="[", match="regex"))))
    assert code(found(closed_again, "x")) == "policy"


def test_a_flaw_in_gwt_itself_costs_one_route_only(monkeypatch: Any) -> None:
    def broken(self: Grower, one: Route) -> Any:
        if one.name == "a":
            raise ZeroDivisionError("oops")
        return grow(self, one)

    grow = Grower.grow
    monkeypatch.setattr(Grower, "grow", broken)
    snapshot = compile_now(EMPTY, Delta(1, routes(route("a", "a.x"), route("b", "b.x"))))
    assert code(found(snapshot, "a.x")) == "policy"
    assert code(found(snapshot, "b.x")) is None
    assert "ZeroDivisionError: oops" in next(snapshot.problems()).message


def test_rules_come_after_routes_and_go_as_they_came() -> None:
    rules = (Rule("*", "/user", "forward", cluster="c"), Rule("x", "/", "deny"))
    snapshot = compile_now(EMPTY, Delta(1, routes(route("a", "x", uri="/a"), route("b", "x", uri="/")), rules=rules))
    assert found(snapshot, "x", "/").route == "b"  # type: ignore[union-attr]
    assert found(snapshot, "y", "/user").upstream == "c"  # type: ignore[union-attr]
    without = compile_now(snapshot, Delta(2, rules=()))
    assert found(without, "y", "/user") is None
    assert found(without, "x", "/a").route == "a"  # type: ignore[union-attr]


def test_hosts_of_rules_are_guarded_by_gateway_yaml() -> None:
    rules = (Rule("r.x", "/", "forward", cluster="u"), Rule("both.x", "/old", "deny"))
    first = compile_now(EMPTY, Delta(1, routes(route("foo", "both.x"), route("bar", "bar.x")), rules=rules))
    assert first.guarded == frozenset()
    shut = compile_now(first, Delta(2), replace(SURROUNDINGS, access=Access(ip_deny=("10.0.0.0/8",))))
    assert shut.guarded == {"r.x", "both.x", "bar.x"}
    asked = replace(SURROUNDINGS, plugins=(PluginUse("key-auth", {}),))
    assert compile_now(first, Delta(2), asked).guarded == {"r.x", "both.x", "bar.x"}
    assert compile_now(shut, Delta(3, rules=rules[1:])).guarded == {"both.x", "bar.x"}
    assert compile_now(shut, Delta(3), SURROUNDINGS).guarded == frozenset()


def test_a_path_that_says_nothing_is_guarded_by_gateway_yaml_where_it_leads_to_a_resource() -> None:
    surroundings = replace(SURROUNDINGS, plugins=(PluginUse("key-auth", {}),), resources=frozenset(("files",)))
    mounted = Route("foo", ("foo.x",), services=(Service(resource="files", paths=(Path("/"),)),))
    assert compile_now(EMPTY, Delta(1, routes(mounted)), surroundings).guarded == {"foo.x"}


def test_what_only_names_tell_apart_is_reported_where_it_loses() -> None:
    snapshot = compile_now(EMPTY, Delta(1, routes(route("b", "x"), route("a", "x"))))
    (problem,) = snapshot.problems()
    assert found(snapshot, "x").route == "a"  # type: ignore[union-attr]
    assert (problem.file, problem.line, problem.severity) == ("b.yaml", 5, "warning")
    assert "a.yaml:5" in problem.message
    assert list(compile_now(snapshot, Delta(2, {"b": None})).problems()) == []


def test_lists_that_come_and_go_compile_again_who_names_them() -> None:
    listed = route("a", "x", access=Access(ip_deny=("@net",)))
    first = compile_now(EMPTY, Delta(1, routes(listed, route("b", "y"))))
    assert "'@net' is not defined" in next(first.problems()).message
    second = compile_now(first, Delta(2, lists={"net": ("10.0.0.0/8",)}))
    assert list(second.problems()) == []
    assert found(second, "y") is found(first, "y")
    third = compile_now(second, Delta(3, lists={}))
    assert "'@net' is not defined" in next(third.problems()).message


def test_other_surroundings_compile_everything_again() -> None:
    first = compile_now(EMPTY, Delta(1, routes(route("a", "x")), rules=(Rule("y", "/", "forward", cluster="c"),)))
    shut = replace(SURROUNDINGS, access=Access(auth_type="login"), merge_slashes=False, escaped_slashes="keep")
    second = compile_now(first, Delta(1), shut)
    assert code(found(second, "x")) == "policy"
    assert code(found(second, "y")) == "policy"
    assert (second.merge_slashes, second.escaped_slashes) == (False, "keep")
    assert shown_snapshot(compile_now(second, Delta(1), SURROUNDINGS)) == shown_snapshot(first)


def test_a_route_that_fails_under_new_surroundings_does_not_keep_the_old_policy(monkeypatch: Any) -> None:
    first = compile_now(EMPTY, Delta(1, routes(route("a", "x"))))

    def broken(self: Grower, one: Route) -> Any:
        raise ValueError("no more")

    monkeypatch.setattr(Grower, "grow", broken)
    assert code(found(compile_now(first, Delta(1), replace(SURROUNDINGS, access=Access(retries=0))), "x")) == "policy"


def test_large_work_pauses_often() -> None:
    many = routes(*(route(f"r{number}", f"h{number}.x") for number in range(500)))
    steps = compile_delta(EMPTY, Delta(1, many))
    pauses = sum(1 for _ in steps)
    assert pauses >= 500


def test_one_route_with_many_paths_pauses_within() -> None:
    service = Service(upstream="u", paths=tuple(Path(f"/{number}") for number in range(400)))
    steps = compile_delta(EMPTY, Delta(1, {"a": Route("a", ("x",), services=(service,))}))
    assert sum(1 for _ in steps) >= 50


def test_a_snapshot_says_its_revision() -> None:
    assert EMPTY.revision == 0
    assert finish(compile_delta(EMPTY, Delta(9, rules=()))).revision == 9
    assert EMPTY.services_revision is None
    first = finish(compile_delta(EMPTY, Delta(9, services_revision=4)))
    second = finish(compile_delta(first, Delta(10, rules=())))
    assert (second.revision, second.services_revision) == (10, 4)
