"""Admission by address and by claims: what passes, what is closed, and lists that change while requests come."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import replace
from typing import Any

import pytest
from edge.rig import Rig
from hypothesis import given
from hypothesis import strategies as st

from gwt.admission import address_member, claims_member
from gwt.compile import compile_now
from gwt.delta import Delta
from gwt.lists import AddressLists
from gwt.model.route import Access, Path, Route, Service
from gwt.phase.roster import Roster

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    ("access", "statuses"),
    [
        ({"ip_deny": ("192.0.2.0/24",)}, [403, 200]),
        ({"ip_allow": ("192.0.2.0/24",)}, [200, 403]),
        ({"ip_allow": ("192.0.2.0/24",), "ip_deny": ("192.0.2.7",)}, [403, 403]),
        ({"ip_allow": ()}, [403, 403]),
        ({"ip_deny": ()}, [200, 200]),
        ({"ip_deny": ("@net",)}, [403, 200]),
    ],
)
def test_who_may_come(access: dict[str, Any], statuses: list[int]) -> None:
    visit = Rig(access=Access(**access), lists={"net": ("192.0.2.0/24",)}).send(GET)
    answers = visit.answers()
    visit.connect("2001:db8::1")
    answers += visit.send(GET).answers()
    assert [one.status for one in answers] == statuses
    assert {json.loads(one.body)["code"] for one in answers if one.status == 403} <= {"ip"}
    assert len(visit.seen) == statuses.count(200)


def changed(visit: Rig, number: int, **delta: Any) -> Rig:
    visit.current.swap(compile_now(visit.current.snapshot, Delta(number, **delta), visit.surroundings))
    return visit


def test_a_list_that_is_not_there_closes_until_it_is() -> None:
    visit = Rig(access=Access(ip_deny=("@net",))).send(GET)
    assert json.loads(visit.answers()[0].body)["code"] == "policy" and visit.seen == []
    changed(visit, 2, lists={"net": ("10.0.0.0/8",)}).send(GET)
    changed(visit, 3, lists={"net": ("192.0.2.7",)}).send(GET)
    changed(visit, 4, lists={}).send(GET)
    assert visit.statuses == [503, 200, 403, 503]


def test_only_leaves_that_use_a_changed_list_are_made_anew() -> None:
    def route(name: str, *deny: str) -> Route:
        path = Path("/", access=Access(ip_deny=deny))
        return Route(name, (f"{name}.x",), services=(Service(upstream="u", paths=(path,)),))

    def leaf(visit: Rig, name: str) -> Any:
        return visit.current.snapshot.router.entries_of(f"{name}.x")[0].target

    lists = {"one": ("10.0.0.0/8",), "two": ("10.1.0.0/16",)}
    visit = changed(Rig(), 2, routes={n: route(n, f"@{n}") for n in lists}, lists=lists)
    one, two = leaf(visit, "one"), leaf(visit, "two")
    changed(visit, 3, lists={**lists, "one": ("192.0.2.0/24",)})
    assert leaf(visit, "one") is not one and leaf(visit, "two") is two


def test_the_policy_of_gateway_yaml_follows_its_list_too() -> None:
    visit = Rig()
    visit.surroundings = replace(visit.surroundings, access=Access(ip_deny=("@net",)))
    changed(visit, 2, lists={"net": ("10.0.0.0/8",)}).send(GET)
    changed(visit, 3, lists={"net": ("192.0.2.7",)}).send(GET)
    assert visit.statuses == [200, 403]


addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
networks = st.tuples(addresses, st.integers(0, 128)).map(
    lambda pair: f"{pair[0]}/{min(pair[1], pair[0].max_prefixlen)}"
)


@given(st.lists(networks), st.none() | st.lists(networks), addresses)
def test_the_guard_says_what_the_cidrs_say(deny: list[str], allow: list[str] | None, client: Any) -> None:
    def within(cidrs: list[str]) -> bool:
        address = getattr(client, "ipv4_mapped", None) or client
        return any(address in plain(ipaddress.ip_network(one, strict=False)) for one in cidrs)

    rule = AddressLists().rule(allow, deny)
    if rule is None:
        assert allow is None and not deny
        return
    ctx: Any = type("Ctx", (), {"client": str(client)})
    reply = address_member(Roster(), rule).methods["access"](ctx)
    assert (reply is None) == (not within(deny) and (allow is None or within(allow)))


def plain(network: Any) -> Any:
    """A network of mapped addresses is one of IPv4."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < 96:
        return network
    return ipaddress.ip_network((mapped, network.prefixlen - 96))


def test_equal_policies_have_one_member() -> None:
    roster, lists = Roster(), AddressLists()
    rules = [lists.rule(None, ("10.0.0.0/8",)), lists.rule(None, ["10.0.0.0/8"])]
    one, other = (address_member(roster, rule) for rule in rules if rule is not None)
    assert one is other
    first = claims_member(roster, {"role": ("a", "b")})
    assert first is claims_member(roster, {"role": ("b", "a")}) is not claims_member(roster, {"role": ("a",)})


def test_claims_of_nobody_are_none() -> None:
    access = claims_member(Roster(), {"role": ("a",)}).methods["access"]
    said = [access(type("Ctx", (), {"claims": claims})) for claims in (None, {}, {"role": "b"}, {"role": "a"})]
    assert [one is None for one in said] == [False, False, False, True]
