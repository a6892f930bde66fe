"""Branches: one Route compiled by itself, without regard to other Routes that share its hosts.

A Branch holds, by host pattern, the router entries of one document, each with its Leaf. Hosts that mean the same
namespace share them. Where a document can't be compiled, ValueError says why; the compiler decides what then holds.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from gwt.closing import list_names
from gwt.errors import GatewayError
from gwt.fitting import Level, Outermost, Unfit, Verdict
from gwt.guards import Spot
from gwt.leaf import Leaf, LeafOrigin
from gwt.model.forms import ENCRYPTED
from gwt.model.policy import DEFAULT_POLICY, Origin, Policy, apply
from gwt.model.route import NO_ACCESS, Access, Path, Problem, Quarantined, Route, Service, ServiceTls, Stream
from gwt.phase.chain import Chain
from gwt.rewrite import compile_rewrite
from gwt.route.conditions import Conditions
from gwt.route.entry import Entry, pattern
from gwt.route.hosts import MARK, BadHost, expand_mark, host_pattern, split_authority
from gwt.steps import Steps
from gwt.streams import StreamLeaf, closed_streams, grow_streams

#: Where neither an env nor the Route names a namespace, as Kubernetes has it.
DEFAULT_NAMESPACE = "default"

#: Comes after everything that can be written in a document: only what nothing else takes gets here.
LAST = -(2**62)

Entries = tuple[Entry, ...]

NOWHERE: frozenset[str] = frozenset()


class Branch(NamedTuple):
    """What one document adds to its host patterns.

    `guarded`: those patterns of which a path has login, auth plugins or IP lists. `lists`: those that policies name.
    `plugins` are the names that are in effect on any path; `uses_config`: one of them is told of lists and consumers.
    `streams` are the leaves of a document of connections, which has no entries.
    """

    document: Route | Quarantined
    entries: Mapping[str, Entries]
    guarded: frozenset[str] = NOWHERE
    problems: tuple[Problem, ...] = ()
    lists: frozenset[str] = NOWHERE
    plugins: frozenset[str] = NOWHERE
    uses_config: bool = False
    streams: tuple[StreamLeaf, ...] = ()


class Grower:
    """Makes Branches under gateway.yaml. Paths of which no document says anything share its policy and verdict."""

    def __init__(self, outermost: Outermost) -> None:
        self.outermost = outermost
        self.surroundings = outermost.fitter.surroundings

    def grow(self, route: Route) -> Steps[Branch]:
        """Compile a Route. Raises ValueError with a message for people."""
        return _Growth(self, route).branch() if route.stream is None else self._streams(route, route.stream)

    def _streams(self, route: Route, stream: Stream) -> Steps[Branch]:
        service = route.services[0]
        keys = {host: service_key(service, namespace) for host, _, namespace in expand_hosts(route)}
        leaves = grow_streams(route, stream, keys, self.outermost)
        yield
        problems: list[Problem] = []
        known = self.surroundings.streams
        if known is not None and stream.listener not in known:
            message = f"there is no listener {stream.listener!r} in `listeners.stream` of {self.surroundings.file}"
            problems.append(_warning(route, message, route.source.line))
        if leaves and leaves[0].closed is not None:
            problems.append(_warning(route, f"the stream is closed: {leaves[0].closed}", leaves[0].line))
        lists = frozenset(list_names(leaves[0].policy)) if leaves else NOWHERE
        return Branch(route, {}, NOWHERE, tuple(problems), lists, streams=leaves)

    def policy(self, route: Route, service: Service, path: Path) -> Policy:
        """The effective policy of a path."""
        if _silent(route.access) and _silent(service.access) and _silent(path.access):
            return self.outermost.policy
        levels = zip(origins(route, service, path), (route.access, service.access, path.access), strict=True)
        return apply(self.outermost.policy, [level for level in levels if not _silent(level[1])])

    def verdict(self, policy: Policy, route: Route, service: Service, path: Path) -> Verdict:
        """Whether the path may be open, and whether it is guarded."""
        if policy is self.outermost.policy and not (
            service.resource or route.plugins or service.plugins or path.plugins
        ):
            return self.outermost.verdict
        levels = [self.outermost.level, *plugin_levels(route, service, path)]
        return self.outermost.fitter.verdict(policy, service, levels, route.name)

    def chain(self, policy: Policy, verdict: Verdict, spot: Spot) -> Chain | None:
        """What guards and changes requests there. Raises ValueError where the policy can't be enforced after all."""
        return self.outermost.fitter.chain(policy, verdict, spot)


def origins(route: Route, service: Service, path: Path) -> tuple[Origin, Origin, Origin]:
    """Who speaks on the three levels of a document."""
    file = route.source.file
    return (
        Origin("route", route.name, file, route.source.line),
        Origin("service", service_name(service), file, service.line),
        Origin("path", path.uri, file, path.line),
    )


def plugin_levels(route: Route, service: Service, path: Path) -> list[Level]:
    """The levels of a document that name plugins; of each the place is its own."""
    number = next((n for n, one in enumerate(route.services) if one is service), 0)
    below = next((n for n, one in enumerate(service.paths) if one is path), 0)
    places = ("route", route.name), ("service", route.name, number), ("path", route.name, number, below)
    said = zip(origins(route, service, path), places, (route.plugins, service.plugins, path.plugins), strict=True)
    return [Level(origin, place, uses) for origin, place, uses in said if uses]


class _Growth:
    """One Route being compiled."""

    def __init__(self, grower: Grower, route: Route) -> None:
        self._grower, self._route = grower, route
        self._problems: list[Problem] = []
        self._guarded = self._uses_config = False
        self._unfit: list[Problem] = []
        self._plugins = self._lists = NOWHERE

    def branch(self) -> Steps[Branch]:
        entries: dict[str, Entries] = {}
        by_namespace: dict[str, Entries] = {}
        for host, mark, namespace in expand_hosts(self._route):
            if host in entries:
                self._warn(f"host {host!r} comes twice (two marks may give the same host); the first holds")
                continue
            if namespace not in by_namespace:
                by_namespace[namespace] = yield from self._entries(mark, namespace)
            entries[host] = by_namespace[namespace]
        if self._unfit:
            raise Unfit(dict.fromkeys(self._unfit))
        if not entries:
            self._warn("no env gives its hosts a mark, so that nothing comes here")
        guarded = frozenset(entries) if self._guarded else NOWHERE
        problems = tuple(dict.fromkeys(self._problems)) if self._problems else ()  # each namespace says the same
        return Branch(self._route, entries, guarded, problems, self._lists, self._plugins, self._uses_config)

    def _entries(self, mark: str | None, namespace: str) -> Generator[None, None, Entries]:
        entries = []
        for service in self._route.services:
            for path in service.paths:
                try:
                    entries.append(self._entry(service, path, mark, namespace))
                except Unfit as error:  # of all paths, so that they can be mended at once
                    self._unfit += error.problems
                if len(entries) % 8 == 0:
                    yield
        return tuple(entries)

    def _entry(self, service: Service, path: Path, mark: str | None, namespace: str) -> Entry:
        uri = _uri(path.uri, path.match, self._grower.surroundings.merge_slashes)
        conditions = Conditions.of(path) if _conditional(path) else None
        leaf = self._leaf(service, path, mark, namespace)
        return Entry(uri, path.match, path.priority, conditions, self._route.name, leaf)

    def _leaf(self, service: Service, path: Path, mark: str | None, namespace: str) -> Leaf:
        policy = self._grower.policy(self._route, service, path)
        closed, chain = self._guards(policy, service, path, namespace)
        return Leaf(
            route=self._route.name,
            service=service_name(service),
            path=path.uri,
            policy=policy,
            origin=LeafOrigin(self._route.source, path.line, mark, namespace, self._route, service, path),
            upstream=service_key(service, namespace),
            resource=service.resource,
            protocol=service.protocol,
            balance=service.balance,
            host_mode=_host_mode(service.host),
            tls=upstream_tls(service, namespace),
            rewrite=compile_rewrite(path.rewrite),
            closed=closed,
            chain=chain,
        )

    def _guards(
        self, policy: Policy, service: Service, path: Path, namespace: str
    ) -> tuple[GatewayError | None, Chain | None]:
        """Why the path is closed, else what its requests go through."""
        outermost = self._grower.outermost
        verdict = self._grower.verdict(policy, self._route, service, path)
        if verdict is outermost.verdict and outermost.plain:
            return None, None
        self._guarded |= verdict.guarded
        self._lists |= verdict.lists
        self._uses_config |= verdict.uses_config
        self._plugins |= verdict.plugins
        for warned in verdict.warnings:
            if warned.origin.level != "global":  # of those it is told once, for all documents
                self._warn(warned.text, warned.line)
        why = verdict.why
        if not why:
            try:
                spot = Spot(self._route.name, service_name(service), path.uri, namespace, (self._route, service, path))
                return None, self._grower.chain(policy, verdict, spot)
            except ValueError as error:
                why = (str(error),)
        self._warn(f"path {path.uri!r} is closed with 503: {'; '.join(why)}", path.line)
        return closed_by_policy(), None

    def _warn(self, message: str, line: int = 0) -> None:
        self._problems.append(_warning(self._route, message, line or self._route.source.line))


def _warning(route: Route, message: str, line: int) -> Problem:
    return Problem(route.source.file, line, 1 if line else 0, message, "", route.name, "warning")


#: Matches only what `host_pattern` gives back as it is: nearly every host of a document that the model has read.
_canonical = re.compile(r"(?=.{1,253}\Z)(?:\*\.)?[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*+").fullmatch

_uri = lru_cache(maxsize=4096)(pattern)  # many Routes have the same few paths


def _conditional(path: Path) -> bool:
    return bool(path.methods or path.headers or path.args or path.cookies or path.remote_addrs or path.vars)


def _silent(access: Access) -> bool:
    return access is NO_ACCESS or access == NO_ACCESS


def closed_branch(document: Quarantined, name: str) -> Branch:
    """The readable hosts of a document that can't be used: what nothing else takes there answers 503 `policy`.

    So a host of which only a broken document speaks never falls through to a wildcard. Other documents are untouched.
    The same with the names of a stream: nobody is let in there.
    """
    if document.stream is not None:
        return Branch(document, {}, streams=closed_streams(document))
    origin = LeafOrigin(document.source)
    leaf = Leaf(document.name or "", "", "/", DEFAULT_POLICY, origin, closed=closed_by_policy())
    entry = Entry(b"/", "prefix", LAST, None, f"~{name}", leaf)
    hosts = set()
    for host in document.hosts:
        try:
            hosts.add(host_pattern(host))
        except BadHost:
            continue  # not readable after all
    return Branch(document, dict.fromkeys(sorted(hosts), (entry,)))


def expand_hosts(route: Route) -> Iterator[tuple[str, str | None, str]]:
    """(host pattern, mark, namespace) for each of a Route's hosts, `{mark}` replaced by each env's. Raises BadHost.

    A host without {mark} takes the env whose mark is empty, else the Route's own namespace.
    """
    unmarked = next((env for env in route.envs if not env.mark), None)
    for host in route.hosts:
        if MARK in host:
            for env in route.envs:
                namespace = env.namespace or route.namespace or DEFAULT_NAMESPACE
                yield host_pattern(expand_mark(host, env.mark)), env.mark, namespace
        else:
            namespace = (unmarked and unmarked.namespace) or route.namespace or DEFAULT_NAMESPACE
            yield host if _canonical(host) else host_pattern(host), None if unmarked is None else "", namespace


def service_key(service: Service, namespace: str) -> str | None:
    """The key in `Snapshot.upstreams`: a bare upstream name or `namespace/name:port`; None for a resource."""
    if service.upstream is not None:
        return service.upstream
    if service.name is None:
        return None
    return f"{service.namespace or namespace}/{service.name}:{service.port}"


def service_name(service: Service) -> str:
    """What logs and metrics call the service."""
    return service.name or service.upstream or service.resource or ""


def upstream_tls(service: Service, namespace: str) -> ServiceTls | None:
    """How the endpoints are known over TLS, None in the clear.

    The name that they must bear is the one that the document says, else a literal `host`, `NAME.NAMESPACE.svc` of a
    Service of Kubernetes, or a bare upstream's own name where that is one with a dot; else (None) their address.
    """
    if service.protocol not in ENCRYPTED:
        return None
    said = service.tls or ServiceTls()
    if said.server_name is not None:
        return said
    name = None
    if service.host not in ("preserve", "upstream"):
        name = split_authority(service.host.encode("ascii"))[0].decode("ascii").strip("[]")
    elif service.name is not None:
        name = f"{service.name}.{service.namespace or namespace}.svc"
    elif service.upstream is not None and "." in service.upstream and _canonical(service.upstream):
        name = service.upstream
    return replace(said, server_name=name)


def closed_by_policy() -> GatewayError:
    """What a client is told of a closed path; the reason is for operators only (problems, explain)."""
    return GatewayError("policy", "this path is closed: its policy can't be applied")


def _host_mode(host: str) -> bytes | None:
    if host == "preserve":
        return None
    if host == "upstream":
        return b""
    split_authority(host.encode("ascii"))  # it goes into the head of requests as it is
    return host.encode("ascii")
