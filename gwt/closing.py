"""Closing: which paths must answer 503 `policy` because something that they ask for is not there.

Fail closed: an unknown name could be what guards a path. So a name that does not resolve, and whatever this version
can't enforce yet, closes what it governs, whatever version was in force before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gwt.guards import missing
from gwt.model.policy import Policy
from gwt.model.route import Service
from gwt.surroundings import Surroundings

#: Built-in plugins that admit or refuse nobody by who they are: a host that has only these is not guarded.
HARMLESS = frozenset(
    "cors request-id limit-count limit-req limit-conn proxy-rewrite response-rewrite redirect uri-blocker"
    " body-crypto fault-injection".split()
)


def reasons(policy: Policy, service: Service, surroundings: Surroundings, lists: Mapping[str, object]) -> Iterator[str]:
    """Why a path must stay closed, for people; nothing where it may be open, as far as its plugins let it."""
    if service.resource is not None and service.resource not in surroundings.resources:
        yield f"resource {service.resource!r} is not in `resources` of {surroundings.file}"
    for name in list_names(policy):
        if name not in lists:
            yield f"list '@{name}' is not defined"
    unsupported = missing(policy)
    if unsupported is not None:
        yield unsupported


def list_names(policy: Policy) -> list[str]:
    """The names of `lists` that the policy refers to, without the @."""
    return [cidr[1:] for cidr in (*(policy.ip_allow or ()), *(policy.ip_deny or ())) if cidr.startswith("@")]
