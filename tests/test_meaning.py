"""What the difference between two states comes to."""

from __future__ import annotations

from typing import Any

from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.delta import Delta
from gwt.meaning import hosts_of, policies, requests
from gwt.model.route import Access, Path, Route, Service
from gwt.snapshot import Snapshot
from gwt.steps import finish
from gwt.surroundings import Surroundings


def route(name: str, *paths: Path, host: str = "a.example.com", service: str = "s", **more: Any) -> Route:
    one = Service(name=service, port=80, paths=paths or (Path("/"),))
    return Route(name, (host,), namespace="n", services=(one,), **more)


def snapshot(*routes: Route) -> Snapshot:
    surroundings = Surroundings(Registry(lambda: 0.0, lambda: 0.5))
    return compile_now(empty_snapshot(surroundings), Delta(1, {one.name: one for one in routes}))


def compared(before: Snapshot, after: Snapshot, *names: str) -> tuple[list[Any], list[Any]]:
    hosts = hosts_of(before, names) | hosts_of(after, names)
    return finish(policies(before, after, hosts)), finish(requests(before, after, hosts))


def test_another_service_and_another_timeout() -> None:
    before = snapshot(route("a", Path("/"), Path("/x")), route("other", host="b.example.com"))
    after = snapshot(route("a", Path("/"), Path("/x"), service="t", access=Access(retries=0)))
    said, gone = compared(before, after, "a")
    assert {(one["uri"], one["field"], one["before"], one["after"]) for one in said} == {
        (uri, *told) for uri in ("/", "/x") for told in (("goes_to", "n/s:80", "n/t:80"), ("retries", 1, 0))
    }
    assert gone == [{"url": f"http://a.example.com{path}", "before": "n/s:80 (a)", "after": "n/t:80 (a)"}
                    for path in ("/", "/x")]  # fmt: skip


def test_a_route_that_takes_from_another() -> None:
    before = snapshot(route("a", Path("/")), route("b", host="*.example.com"))
    after = snapshot(route("b", host="*.example.com", service="t"))
    _, gone = compared(before, after, "a", "b")
    assert gone == [
        {"url": "http://any.example.com/", "before": "n/s:80 (b)", "after": "n/t:80 (b)"},
        {"url": "http://a.example.com/", "before": "n/s:80 (a)", "after": "n/t:80 (b)"},
    ]


def test_nothing_is_nothing() -> None:
    one = snapshot(route("a", Path("/u/{id}", match="template"), Path("^/x", match="regex")))
    assert compared(one, one, "a", "unknown") == ([], [])
