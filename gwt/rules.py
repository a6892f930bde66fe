"""Rules ({url, action, cluster}) as entries of the router, beside those of the Routes and after them where both fit.

A rule is a prefix like any other, under the global policy. Of rules with the same host and url the first in order
holds, which is why its position is in the name that breaks ties; `~` sorts after the names of Routes.
"""

from __future__ import annotations

from typing import Any

from gwt.branches import Entries, Grower, closed_by_policy
from gwt.errors import GatewayError
from gwt.guards import Spot
from gwt.leaf import Leaf, LeafOrigin
from gwt.model.route import Problem, Rule
from gwt.route.entry import Entry, pattern
from gwt.route.hosts import host_pattern
from gwt.steps import Steps

RulesBranch = tuple[dict[str, Entries], tuple[Problem, ...]]


def grow_rules(rules: tuple[Rule, ...], grower: Grower) -> Steps[RulesBranch]:
    """Entries by host pattern, and what is wrong: a rule that can't be compiled is left out and reported."""
    by_host: dict[str, list[Entry]] = {}
    problems: list[Problem] = []
    _, why = grower.outermost.chain(Spot("", "", "/")) if rules else (None, ())
    if why:
        message = f"all rules are closed with 503: {'; '.join(why)}"
        problems.append(Problem(rules[0].source.file, 0, 0, message, severity="warning"))
    for number, rule in enumerate(rules):
        try:
            host = host_pattern(rule.host)
            uri = pattern(rule.url, "prefix", grower.surroundings.merge_slashes)
            entry = Entry(uri, "prefix", 0, None, f"~rule {number:06d}", _leaf(rule, grower))
            by_host.setdefault(host, []).append(entry)
        except ValueError as error:
            problems.append(Problem(rule.source.file, rule.source.line, 0, str(error)))
        if number % 16 == 0:
            yield
    return {host: tuple(entries) for host, entries in by_host.items()}, tuple(problems)


def rule_name(rule: Rule) -> str:
    """What logs and metrics call a rule in place of a Route's name."""
    return f"rule {rule.host}{rule.url}"


def _leaf(rule: Rule, grower: Grower) -> Leaf:
    spot = Spot(rule_name(rule), rule.cluster or "", rule.url)
    chain, why = grower.outermost.chain(spot)
    return Leaf(
        route=rule_name(rule),
        service=rule.cluster or "",
        path=rule.url,
        policy=grower.outermost.policy,
        origin=LeafOrigin(rule.source, rule.source.line, rule=rule),
        action=rule.action,
        upstream=rule.cluster,
        closed=closed_by_policy() if why else _denied(rule),
        chain=chain,
        **_redirect(rule),
    )


def _denied(rule: Rule) -> GatewayError | None:
    return GatewayError("denied", "this path is denied") if rule.action == "deny" else None


def _redirect(rule: Rule) -> dict[str, Any]:
    if rule.action != "redirect":
        return {}
    to = (rule.to or "").encode("ascii")
    if not to or any(byte < 0x21 or byte > 0x7E for byte in to):
        raise ValueError(f"a rule can't redirect to {rule.to!r}: visible ASCII characters only")
    return {"location": to, "redirect_code": rule.code}
