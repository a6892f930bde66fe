"""Closing: which paths must answer 503 `policy` because something that they ask for is not there.

Fail closed: an unknown name could be what guards a path. So a name that does not resolve, and whatever this version
can't enforce yet, closes what it governs, whatever version was in force before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from gwt.model.policy import Policy
from gwt.model.route import PluginUse, Service
from gwt.surroundings import Surroundings

#: Built-in plugins that admit or refuse nobody by who they are: a host that has only these is not guarded.
HARMLESS = frozenset(
    "cors request-id limit-count limit-req limit-conn proxy-rewrite response-rewrite redirect uri-blocker"
    " body-crypto fault-injection".split()
)

#: What is spoken to upstreams. Where a Route asks for another, nothing is sent: it may have been meant for TLS.
SPOKEN = frozenset(("http",))


def effective_plugins(levels: Iterable[Sequence[PluginUse]]) -> tuple[PluginUse, ...]:
    """What runs where `levels` (outermost first) name plugins: the lowest level's word, what is turned off left out."""
    uses: dict[str, PluginUse] = {}
    for level in levels:
        uses.update((use.name, use) for use in level)
    return tuple(use for use in uses.values() if use.conf is not None and not _meta(use).get("disable"))


def reasons(
    policy: Policy,
    plugins: Sequence[PluginUse],
    service: Service,
    surroundings: Surroundings,
    lists: Mapping[str, object],
) -> Iterator[str]:
    """Why a path must stay closed, for people; nothing where it may be open."""
    if service.resource is not None and service.resource not in surroundings.resources:
        yield f"resource {service.resource!r} is not in `resources` of {surroundings.file}"
    if service.protocol not in SPOKEN:
        yield f"protocol {service.protocol!r} can't be spoken by this version ({', '.join(sorted(SPOKEN))} can)"
    for name in list_names(policy):
        if name not in lists:
            yield f"list '@{name}' is not defined"
    unsupported = policy.unsupported()
    if unsupported is not None:
        yield unsupported
    for use in plugins:
        if not _meta(use).get("optional"):
            yield f"plugin {use.name!r} is not installed"


def guards(policy: Policy, plugins: Sequence[PluginUse]) -> bool:
    """Whether who asks (by login, auth plugin or address) decides on this path."""
    return policy.guarded or any(use.name not in HARMLESS for use in plugins)


def list_names(policy: Policy) -> list[str]:
    """The names of `lists` that the policy refers to, without the @."""
    return [cidr[1:] for cidr in (*(policy.ip_allow or ()), *(policy.ip_deny or ())) if cidr.startswith("@")]


def _meta(use: PluginUse) -> Mapping[str, object]:
    meta = (use.conf or {}).get("_meta")
    return meta if isinstance(meta, Mapping) else {}
