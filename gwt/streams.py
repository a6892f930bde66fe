"""Streams: documents of connections, compiled. A StreamLeaf is to a connection what a Leaf is to a request.

No plugin takes part. Of the access policy IP lists, timeouts and retries count; whatever else gateway.yaml asks of
everybody closes the stream, unless its own document says that it is `public`: it could not be enforced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gwt.fitting import Outermost
from gwt.lists import AddressRule
from gwt.model.policy import DEFAULT_POLICY, Origin, Policy, apply
from gwt.model.route import Balance, Quarantined, Route, Source, Stream
from gwt.route.hosts import BadHost, host_pattern, wildcard_suffixes

ROUND_ROBIN, NOWHERE = Balance(), Source("")
#: What a stream can enforce.
_ENFORCED = frozenset(("ip_allow", "ip_deny"))


@dataclass(frozen=True, eq=False, slots=True)
class StreamLeaf:
    """Where connections of one host pattern of one document go. `upstream` is a key of `Snapshot.upstreams`.

    `rule` admits addresses (None: all). `closed` says why nobody may connect; `last`: only what no other leaf takes.
    """

    stream: Stream
    host: str
    route: str
    service: str = ""
    upstream: str | None = None
    balance: Balance = ROUND_ROBIN
    policy: Policy = DEFAULT_POLICY
    rule: AddressRule | None = None
    closed: str | None = None
    last: bool = False
    source: Source = NOWHERE
    line: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class StreamTable:
    """What one listener does, by host pattern. `by_name`: it takes a ClientHello to know."""

    leaves: Mapping[bytes, StreamLeaf] = field(default_factory=dict)

    @property
    def by_name(self) -> bool:
        return any(pattern != b"*" for pattern in self.leaves)

    def choose(self, name: bytes | None) -> StreamLeaf | None:
        """The leaf for a server's name (None: none was said): exact, then the longest wildcard, then `*`."""
        leaves = self.leaves
        if name is not None:
            found = leaves.get(name)
            if found is not None:
                return found
            for suffix in wildcard_suffixes(name):
                found = leaves.get(b"*" + suffix)
                if found is not None:
                    return found
        return leaves.get(b"*")


def grow_streams(
    route: Route, stream: Stream, keys: Mapping[str, str | None], outermost: Outermost
) -> tuple[StreamLeaf, ...]:
    """The leaves of a document; `keys` maps its host patterns to the service's key there."""
    service = route.services[0]
    origin = Origin("route", route.name, route.source.file, route.source.line)
    policy = apply(outermost.policy, [(origin, route.access)])
    rule, closed = None, _unenforced(policy)
    if closed is None:
        try:
            rule = outermost.fitter.config.addresses.rule(policy.ip_allow, policy.ip_deny)
        except ValueError as error:
            closed = str(error)
    name = service.name or service.upstream or ""
    return tuple(
        StreamLeaf(
            stream, host, route.name, name, key, service.balance, policy, rule, closed, False, route.source,
            service.line,
        )
        for host, key in keys.items()
    )  # fmt: skip


def _unenforced(policy: Policy) -> str | None:
    asked = [name for name in policy.asks() if name not in _ENFORCED]
    if not asked:
        return None
    told = ", ".join(f"{name} (set by {policy.origins[name]})" for name in asked)
    return f"a stream can't enforce {told}"


def closed_streams(document: Quarantined) -> tuple[StreamLeaf, ...]:
    """What a document that can't be used closes: the names that can still be read, where nothing else takes them."""
    if not document.stream:
        return ()
    patterns = set()
    for host in document.hosts or ("*",):
        try:
            patterns.add(host_pattern(host))
        except BadHost:
            continue
    why = "its document can't be used"
    return tuple(
        StreamLeaf(Stream(document.stream), host, document.name or "", closed=why, last=True, source=document.source)
        for host in sorted(patterns)
    )


def tables(leaves: Iterable[StreamLeaf]) -> tuple[dict[str, StreamTable], list[tuple[StreamLeaf, StreamLeaf]]]:
    """The table of each listener, and (loser, holder) where two leaves want one name: the first holds."""
    found: dict[str, dict[bytes, StreamLeaf]] = {}
    losers = []
    for leaf in sorted(leaves, key=lambda one: one.last):
        table = found.setdefault(leaf.stream.listener, {})
        holder = table.setdefault(leaf.host.encode("ascii"), leaf)
        if holder is not leaf and not leaf.last:
            losers.append((leaf, holder))
    return {listener: StreamTable(table) for listener, table in found.items()}, losers
