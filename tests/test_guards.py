"""The table from fields of the policy to members: what is in it is enforced, what is not closes."""

from __future__ import annotations

from typing import Any

import pytest

from gwt.balance.endpoint import Registry
from gwt.fitting import Fitter, Outermost
from gwt.guards import MAKERS, Here, Spot, made, missing, set_by
from gwt.limiter.node import NodeLimiter
from gwt.login import login_of, nobody
from gwt.model.options import Identity
from gwt.model.policy import FIELDS, Origin, Policy, merge
from gwt.model.route import Access, Path, RateLimit, Route, Service
from gwt.phase.member import Member
from gwt.phase.plugin import Config
from gwt.surroundings import Surroundings
from gwt.zones.arena import PrivateArena

SPOT = Spot("r", "s", "/")
LIMITER = NodeLimiter(PrivateArena(), 16)
HERE = Here(Surroundings(Registry(lambda: 0.0, lambda: 0.5)), Config({}, {}))


def policy(**fields: object) -> Policy:
    return merge([(Origin("route", "foo", "a.yaml", 3), Access(**fields))])  # type: ignore[arg-type]


def test_only_fields_of_access_stand_in_the_table() -> None:
    assert MAKERS.keys() <= set(FIELDS)


def test_makers_are_asked_once_for_what_the_policy_asks_for() -> None:
    asked: list[tuple[Policy, Spot, Here]] = []

    def make(*said: object) -> list[Member]:
        asked.append(said)  # type: ignore[arg-type]
        return [Member("guard", 3000, {"access": print})]

    makers = {"ip_allow": make, "ip_deny": make, "rate_limits": make}
    both = policy(ip_allow=(), ip_deny=("10.0.0.0/8",))
    assert [one.name for one in made(both, SPOT, HERE, makers)] == ["guard"]
    assert asked == [(both, SPOT, HERE)]
    assert list(made(policy(retries=3), SPOT, HERE, makers)) == []


def test_what_nobody_enforces_is_named_with_who_asked() -> None:
    asks = policy(rate_limits=(RateLimit(1),), auth_type="login")
    said = missing(asks, {"auth_type": lambda *_: ()})
    assert said is not None and "rate_limits (set by route foo (a.yaml:3))" in said and "auth_type" not in said
    assert missing(policy(retries=3), {}) is None


def test_a_maker_makes_part_of_the_chain_and_closes_where_it_can_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(policy: Policy, spot: Spot, here: Here) -> list[Member]:
        if spot.path == "/bad":
            raise ValueError("no such thing")
        return [Member(f"limit of {spot.path}", 2900, {"access": print})]

    monkeypatch.setitem(MAKERS, "rate_limits", make)
    surroundings = Surroundings(HERE.surroundings.registry, Access(rate_limits=(RateLimit(1),)))
    outermost = Outermost(Fitter(surroundings, Config({}, {})))
    assert outermost.verdict.why == ()
    chain, why = outermost.chain(Spot("r", "s", "/x"))
    assert chain is not None and [one.name for one in chain.members] == ["limit of /x"] and why == ()
    assert outermost.chain(Spot("r", "s", "/bad")) == (None, ("no such thing",))


@pytest.mark.parametrize("kind", ["login", "optional", "magic"])
def test_who_can_not_be_known_here_closes(kind: str) -> None:
    with pytest.raises(ValueError, match=r"auth_type 'magic'.*a\.yaml:3" if kind == "magic" else "no `identity`"):
        list(made(policy(auth_type=kind), SPOT, HERE))


def test_where_nobody_counts_rate_limits_close() -> None:
    with pytest.raises(ValueError, match="nobody counts"):
        list(made(policy(rate_limits=(RateLimit(1),)), SPOT, HERE))


@pytest.mark.parametrize(
    ("level", "same"), [("global", {0, 1, 2, 3}), ("route", {0, 1, 2}), ("service", {0, 1}), ("path", {0})]
)
def test_leaves_under_the_level_that_sets_a_limit_share_it(level: Any, same: set[int]) -> None:
    here = Here(Surroundings(HERE.surroundings.registry, limiter=LIMITER), HERE.config)
    asks = merge([(Origin(level, "x"), Access(rate_limits=(RateLimit(1),)))])
    one, two = Route("one", ("a",), services=(service("s"), service("t"))), Route("two", ("b",))
    places = [
        (one, one.services[0], one.services[0].paths[0]),
        (one, one.services[0], one.services[0].paths[1]),
        (one, one.services[1], one.services[1].paths[0]),
        (two, service("s"), Path("/a")),
    ]
    members = [next(iter(made(asks, Spot("r", "s", "/", document=place), here))) for place in places]
    assert {number for number, member in enumerate(members) if member is members[0]} == same


def service(name: str) -> Service:
    return Service(name=name, port=80, paths=(Path("/a"), Path("/b")))


def test_a_list_that_is_not_there_closes() -> None:
    with pytest.raises(ValueError, match="'@net' is not defined"):
        list(made(policy(ip_deny=("@net",)), SPOT, HERE))


def test_what_is_shared_is_told_of_each_policy_apart() -> None:
    login = login_of(Identity(strip_cookie=True), nobody)
    here = Here(Surroundings(HERE.surroundings.registry, login=login, limiter=LIMITER), HERE.config)
    asks = policy(
        auth_type="login", ip_deny=("10.0.0.0/8",), require={"role": ("a",)}, rate_limits=(RateLimit(1),)
    )  # fmt: skip
    told = {member.name: set_by(member, asks) for member in made(asks, SPOT, here)}
    where = "route foo (a.yaml:3)"
    assert told == {
        "ip": where,
        "login": where,
        "require": where,
        "rate_limits": where,
        "strip_cookie": "global (identity)",
    }
