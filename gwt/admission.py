"""Admission: who may pass by address and by claims, as members of chains that all leaves with the same policy share."""

from __future__ import annotations

from collections.abc import Mapping

from gwt.errors import GatewayError
from gwt.identity.require import Requirement
from gwt.lists import AddressRule
from gwt.phase.exchange import Exchange
from gwt.phase.member import Member
from gwt.phase.reply import Reply
from gwt.phase.roster import Roster

#: In the order of the chain: addresses before everything that costs more; claims once all who may say them have spoken.
ADDRESSES, CLAIMS = 3000, 2000

_WRONG_ADDRESS = Reply.of(GatewayError("ip", "your address is not admitted here"))
_WRONG_CLAIMS = Reply.of(GatewayError("require", "you may not do this"))


class AddressGuard:
    """403 `ip` for whom the rule does not admit."""

    __slots__ = ("_admits",)

    def __init__(self, rule: AddressRule) -> None:
        self._admits = rule.admits

    def access(self, ctx: Exchange) -> Reply | None:
        """Hot."""
        return None if self._admits(ctx.client) else _WRONG_ADDRESS


class ClaimsGuard:
    """403 `require` for whoever lacks a claim; who is nobody in particular lacks them all."""

    __slots__ = ("_met",)

    def __init__(self, requirement: Requirement) -> None:
        self._met = requirement.met

    def access(self, ctx: Exchange) -> Reply | None:
        """Hot."""
        claims = ctx.claims
        return None if claims is not None and self._met(claims) else _WRONG_CLAIMS


def address_member(roster: Roster, rule: AddressRule) -> Member:
    """The member that enforces `rule`."""
    return roster.guard(("ip", rule), lambda: Member("ip", ADDRESSES, {"access": AddressGuard(rule).access}))


def claims_member(roster: Roster, require: Mapping[str, tuple[str, ...]]) -> Member:
    """The member that enforces `require` of a policy."""
    key = "require", frozenset((claim, frozenset(values)) for claim, values in require.items())
    return roster.guard(key, lambda: Member("require", CLAIMS, {"access": ClaimsGuard(Requirement(require)).access}))
