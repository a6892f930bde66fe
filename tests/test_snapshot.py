from __future__ import annotations

from dataclasses import replace

from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.delta import Delta
from gwt.model.route import Access, Path, Problem, Route, Service
from gwt.snapshot import Current, Snapshot
from gwt.surroundings import Surroundings

EMPTY = empty_snapshot(Surroundings(Registry(lambda: 0.0, lambda: 0.5)))
LOGIN = Path("/", access=Access(auth_type="login"))


def with_hosts(**paths: Path) -> Snapshot:
    routes = {
        name: Route(name, (f"{name}.x", f"*.{name}.x"), services=(Service(upstream="u", paths=(path,)),))
        for name, path in paths.items()
    }
    return compile_now(EMPTY, Delta(1, routes))


def test_escaped_slashes_are_refused_on_guarded_hosts_only() -> None:
    snapshot = with_hosts(open=Path("/"), shut=LOGIN)
    assert snapshot.keeps_escaped_slash(b"open.x")
    assert snapshot.keeps_escaped_slash(b"nowhere")
    assert not snapshot.keeps_escaped_slash(b"shut.x")
    assert not snapshot.keeps_escaped_slash(b"a.b.shut.x")


def test_the_service_proxy_refuses_them_where_gateway_yaml_guards_it() -> None:
    assert EMPTY.services_keep_escaped_slash
    shut = empty_snapshot(Surroundings(Registry(lambda: 0.0, lambda: 0.5), Access(ip_deny=("10.0.0.0/8",))))
    assert not shut.services_keep_escaped_slash
    assert replace(shut, escaped_slashes="keep").services_keep_escaped_slash
    assert not replace(EMPTY, escaped_slashes="reject").services_keep_escaped_slash


def test_settings_can_say_it_for_all_hosts() -> None:
    snapshot = with_hosts(open=Path("/"), shut=LOGIN)
    assert replace(snapshot, escaped_slashes="keep").keeps_escaped_slash(b"shut.x")
    assert not replace(snapshot, escaped_slashes="reject").keeps_escaped_slash(b"open.x")


def test_problems_of_documents_come_before_those_of_the_compiler() -> None:
    problem = Problem("a.yaml", 1, 1, "wrong")
    found = list(compile_now(with_hosts(shut=LOGIN), Delta(2, problems=(problem,))).problems())
    assert found[0] == problem
    assert [one.severity for one in found] == ["error", "warning"]


def test_a_swap_is_seen_by_whoever_asks_and_whoever_watches() -> None:
    current = Current(EMPTY)
    seen: list[Snapshot] = []
    current.watch(seen.append)
    snapshot = with_hosts(open=Path("/"))
    current.swap(snapshot)
    assert current.snapshot is snapshot
    assert seen == [snapshot]
