"""Guards: the fields of the access policy that are enforced by members of a chain, and who makes these.

This table is the one place where a policy becomes part of a chain. A field that a policy asks for and that is not
here closes the path (`gwt.closing`): what can't be enforced is never left open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from gwt.admission import address_member, claims_member
from gwt.limit.selectors import compile_limits, declared_by
from gwt.limiting import limits_member
from gwt.model.access import AUTH_WORDS
from gwt.model.policy import Policy
from gwt.model.route import Path, Route, Service
from gwt.phase.member import Member
from gwt.phase.plugin import Config
from gwt.surroundings import Surroundings


class Spot(NamedTuple):
    """The leaf that is guarded, by the names of its Route, service and path; for logs.

    `document` is where it comes from: a rule or the service proxy has none.
    """

    route: str
    service: str
    path: str
    namespace: str = ""
    document: tuple[Route, Service, Path] | None = None


class Here(NamedTuple):
    """What a guard is made in: `config` holds the lists and consumers that are in force with it."""

    surroundings: Surroundings
    config: Config


#: The effective policy of one leaf -> its members. What it raises as ValueError (for people) closes the path.
Maker = Callable[[Policy, Spot, Here], Iterable[Member]]


def _addresses(policy: Policy, spot: Spot, here: Here) -> Iterator[Member]:
    rule = here.config.addresses.rule(policy.ip_allow, policy.ip_deny)
    if rule is not None:
        yield address_member(here.surroundings.roster, rule)


def _auth(policy: Policy, spot: Spot, here: Here) -> Iterator[Member]:
    login = here.surroundings.login
    if isinstance(policy.auth_type, tuple):
        return  # plugins: see gwt.fitting
    if policy.auth_type not in AUTH_WORDS:
        raise ValueError(f"auth_type {policy.auth_type!r} is not known (set by {policy.origins['auth_type']})")
    if login is None:
        raise ValueError("nobody can be known here: there is no `identity`")
    yield login.members[policy.auth_type]


def _claims(policy: Policy, spot: Spot, here: Here) -> Iterator[Member]:
    yield claims_member(here.surroundings.roster, policy.require or {})


def _limits(policy: Policy, spot: Spot, here: Here) -> Iterator[Member]:
    limiter = here.surroundings.limiter
    if limiter is None:
        raise ValueError("nobody counts requests here")
    declarer = declared_by(policy.origins["rate_limits"], *(spot.document or ()))
    limits = compile_limits(declarer, policy.rate_limits)
    for by_user in (False, True):
        some = [limit for limit in limits if limit.by_user == by_user]
        if some:
            yield limits_member(here.surroundings.roster, limiter, some)


#: Field of `access` -> who makes its members; fields that are enforced together have one maker, which is asked once.
MAKERS: dict[str, Maker] = {
    "ip_allow": _addresses,
    "ip_deny": _addresses,
    "rate_limits": _limits,
    "auth_type": _auth,
    "require": _claims,
}

#: Member -> the fields that it enforces, for whoever asks who set them.
FIELDS_OF = {
    "ip": ("ip_allow", "ip_deny"),
    "auth": ("auth_type",),
    "login": ("auth_type",),
    "optional": ("auth_type",),
    "require": ("require",),
    "rate_limits": ("rate_limits",),
}


def made(policy: Policy, spot: Spot, here: Here, makers: Mapping[str, Maker] = MAKERS) -> Iterator[Member]:
    """The members that enforce `policy` at `spot`, as far as there are makers for what it asks for."""
    for maker in dict.fromkeys(makers[field] for field in policy.asks() if field in makers):
        yield from maker(policy, spot, here)
    login = here.surroundings.login
    if login is not None and login.strip is not None:
        yield login.strip


def set_by(member: Member, policy: Policy) -> str:
    """Who set what a member enforces, for people."""
    if member.origin is not None:
        return str(member.origin)
    asked = [str(policy.origins[field]) for field in FIELDS_OF.get(member.name, ()) if field in policy.asks()]
    return ", ".join(dict.fromkeys(asked)) or "global (identity)"


def missing(policy: Policy, makers: Mapping[str, Maker] = MAKERS) -> str | None:
    """What this policy asks for that nobody here enforces, for people; None if it is kept in full."""
    names = [f"{name} (set by {policy.origins[name]})" for name in policy.asks() if name not in makers]
    return f"can't be enforced by this version: {', '.join(names)}" if names else None
