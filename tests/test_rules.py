from __future__ import annotations

from dataclasses import replace

import pytest

from gwt.balance.endpoint import Registry
from gwt.branches import Grower
from gwt.fitting import Outermost
from gwt.leaf import Leaf
from gwt.model.route import Access, Problem, Rule, Source
from gwt.rules import grow_rules
from gwt.steps import finish
from gwt.surroundings import Surroundings

SURROUNDINGS = Surroundings(Registry(lambda: 0.0, lambda: 0.5), Access(retries=4))
SOURCE = Source("rules.yaml", 3)


def grown(*rules: Rule, surroundings: Surroundings = SURROUNDINGS) -> tuple[dict[str, list[Leaf]], tuple[Problem, ...]]:
    entries, problems = finish(grow_rules(rules, Grower(Outermost.of(surroundings))))
    return {host: [entry.target for entry in found] for host, found in entries.items()}, problems


def test_each_action_has_its_leaf() -> None:
    leaves, problems = grown(
        Rule("*", "/user", "forward", cluster="user_backend", source=SOURCE),
        Rule("A.x", "/admin", "deny", source=SOURCE),
        Rule("*", "/old", "redirect", to="/new", code=308, source=SOURCE),
    )
    assert problems == ()
    forward, redirect = leaves["*"]
    (deny,) = leaves["a.x"]
    assert (forward.action, forward.upstream, forward.closed) == ("forward", "user_backend", None)
    assert (redirect.action, redirect.location, redirect.redirect_code) == ("redirect", b"/new", 308)
    assert deny.closed is not None
    assert (deny.closed.code, deny.closed.status) == ("denied", 403)
    assert forward.retries == 4
    assert forward.route == "rule */user"
    assert forward.origin.line == 3


def test_the_first_of_equal_rules_comes_first() -> None:
    rules = tuple(Rule("*", "/", "forward", cluster=f"c{number}") for number in range(12))
    entries, _ = finish(grow_rules(rules, Grower(Outermost.of(SURROUNDINGS))))
    names = [entry.name for entry in entries["*"]]
    assert names == sorted(names)


def test_rules_are_under_the_global_policy() -> None:
    shut = replace(SURROUNDINGS, access=Access(auth_type="login"))
    leaves, (problem,) = grown(Rule("*", "/", "deny"), surroundings=shut)
    assert "all rules are closed" in problem.message
    assert leaves["*"][0].closed is not None
    assert leaves["*"][0].closed.code == "policy"


@pytest.mark.parametrize(
    "rule",
    [
        Rule("not a host", "/", "deny", source=SOURCE),
        Rule("*", "old", "deny", source=SOURCE),
        Rule("*", "/old", "redirect", to="/new\r\nSet-Cookie: a", source=SOURCE),
        Rule("*", "/old", "redirect", source=SOURCE),
    ],
)
def test_a_rule_that_can_not_be_compiled_is_left_out_and_reported(rule: Rule) -> None:
    leaves, (problem,) = grown(rule, Rule("*", "/good", "deny"))
    assert [leaf.path for leaf in leaves["*"]] == ["/good"]
    assert (problem.file, problem.line) == ("rules.yaml", 3)
