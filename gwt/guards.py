"""Guards: the fields of the access policy that are enforced by members of a chain, and who makes these.

This table is the one place where a policy becomes part of a chain. A field that a policy asks for and that is not
here closes the path (`gwt.closing`): what can't be enforced is never left open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from gwt.model.policy import Policy
from gwt.phase.member import Member
from gwt.phase.plugin import Config
from gwt.surroundings import Surroundings


class Spot(NamedTuple):
    """The leaf that is guarded, by the names of its Route, service and path; for buckets and logs."""

    route: str
    service: str
    path: str
    namespace: str = ""


class Here(NamedTuple):
    """What a guard is made in: `config` holds the lists and consumers that are in force with it."""

    surroundings: Surroundings
    config: Config


#: The effective policy of one leaf -> its members. What it raises as ValueError (for people) closes the path.
Maker = Callable[[Policy, Spot, Here], Iterable[Member]]

#: Field of `access` -> who makes its members; fields that are enforced together have one maker, which is asked once.
MAKERS: dict[str, Maker] = {}


def made(policy: Policy, spot: Spot, here: Here, makers: Mapping[str, Maker] = MAKERS) -> Iterator[Member]:
    """The members that enforce `policy` at `spot`, as far as there are makers for what it asks for."""
    for maker in dict.fromkeys(makers[field] for field in policy.asks() if field in makers):
        yield from maker(policy, spot, here)


def missing(policy: Policy, makers: Mapping[str, Maker] = MAKERS) -> str | None:
    """What this policy asks for that nobody here enforces, for people; None if it is kept in full."""
    names = [f"{name} (set by {policy.origins[name]})" for name in policy.asks() if name not in makers]
    return f"can't be enforced by this version: {', '.join(names)}" if names else None
