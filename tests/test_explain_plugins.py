"""What `explain` tells of plugins: those that run, in their order, and each that does not with the reason."""

from __future__ import annotations

from typing import Any

from edge.rig import Rig, uses
from phase.plugins import recorder

from gwt.compile import compile_now
from gwt.delta import Delta
from gwt.explain_plugins import plugins
from gwt.guards import MAKERS
from gwt.model.route import Access, Path, Route, Rule, Service, Source
from gwt.phase.member import Member


def told(rig: Rig, **path: Any) -> list[tuple[str, str, str]]:
    services = (Service(upstream="u", paths=(Path("/", line=3, **path),)),)
    route = Route("foo", ("foo.x",), services=services, source=Source("a.yaml", 1))
    snapshot = compile_now(rig.current.snapshot, Delta(2, {"foo": route}), rig.surroundings)
    leaf = snapshot.router.entries_of("foo.x")[0].target
    return [(one["name"], one["state"], one["set_by"]) for one in plugins(snapshot, leaf)]


def rig(**more: Any) -> Rig:
    kinds = [recorder("low", 1, "access"), recorder("high", 9, "log"), recorder("idle", 5)]
    return Rig(kinds=kinds, **more)


def test_in_the_order_in_which_requests_meet_them() -> None:
    found = told(rig(global_plugins={"low": {}}), plugins=uses({"high": {}, "idle": {}}))
    assert found == [
        ("high", "runs", "path / (a.yaml:3)"),
        ("idle", "idle", "path / (a.yaml:3)"),
        ("low", "runs", "global (gateway.yaml)"),
    ]


def test_why_others_do_not_run() -> None:
    assert [one[:2] for one in told(rig(), plugins=uses({"idle": {}}))] == [("idle", "idle")]
    absent = uses({"none": {"_meta": {"optional": True}}})
    assert [one[:2] for one in told(rig(), plugins=absent)] == [("none", "absent")]
    closed = told(rig(), plugins=uses({"low": {}, "gone": {}}))
    assert [one[:2] for one in closed] == [("low", "closed"), ("gone", "missing")]


def test_policies_that_are_enforced_stand_among_them(monkeypatch: Any) -> None:
    def make(policy: Any, spot: Any, here: Any) -> list[Member]:
        return [Member("ip", 3000, {"access": print}, policy.origins["ip_deny"])]

    monkeypatch.setitem(MAKERS, "ip_deny", make)
    access = Access(ip_deny=("10.0.0.0/8",), lines={"ip_deny": 4})
    found = told(rig(), access=access, plugins=uses({"low": {}}))
    assert found == [("ip", "runs", "path / (a.yaml:4)"), ("low", "runs", "path / (a.yaml:3)")]


def test_rules_have_those_of_gateway_yaml() -> None:
    one = rig(global_plugins={"low": {}})
    rules = (Rule("bar.x", "/", "forward", cluster="c"),)
    snapshot = compile_now(one.current.snapshot, Delta(2, rules=rules), one.surroundings)
    (found,) = plugins(snapshot, snapshot.router.entries_of("bar.x")[0].target)
    assert [found[key] for key in ("name", "priority", "phases", "mode")] == ["low", 1, ["access"], "enforce"]
