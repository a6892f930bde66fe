"""compile: the Snapshot in force and a Delta -> the next Snapshot, in steps.

Costs what the Delta touches: a Route is compiled by itself, then the hosts that it has or had are put together anew
from the Branches of all Routes that share them; all other hosts are shared with the Snapshot before. A Delta of
services alone shares the whole router. Nothing that is in force is changed: a failure on the way leaves it as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gwt.branches import LAST, Branch, Entries, Grower, closed_branch
from gwt.delta import Delta
from gwt.fitting import Outermost, Unfit, Warned
from gwt.leaf import Leaf
from gwt.model.route import Problem, Quarantined, Route, Rule
from gwt.phase.plugin import Config
from gwt.route.entry import Entry, shape
from gwt.route.router import Router
from gwt.rules import grow_rules
from gwt.services import Aliases, with_services
from gwt.sharded import Sharded
from gwt.snapshot import Snapshot
from gwt.steps import Steps, finish
from gwt.streams import StreamLeaf, StreamTable, tables
from gwt.surroundings import Surroundings

#: Light steps between two yields.
STRIDE = 64


@dataclass(frozen=True, eq=False, slots=True)
class Book:
    """What the next compilation needs to know of this one. Its tables are never changed, only replaced.

    `branches` by the keys of `Delta.routes`; `hosts`: host pattern -> the keys of the Branches that have it, sorted.
    """

    surroundings: Surroundings
    branches: Mapping[str, Branch] = field(default_factory=dict)
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    rule_entries: Mapping[str, Entries] = field(default_factory=dict)
    aliases: Aliases = field(default_factory=Sharded)


def empty_snapshot(surroundings: Surroundings) -> Snapshot:
    """A Snapshot of no documents at all, revision 0: what everything begins with.

    Raises Unfit where a plugin of gateway.yaml is configured otherwise than it can be.
    """
    return Snapshot(
        revision=0,
        router=Router(),
        upstreams=Sharded(),
        guarded=frozenset(),
        escaped_slashes=surroundings.escaped_slashes,
        merge_slashes=surroundings.merge_slashes,
        lists={},
        consumers={},
        book=Book(surroundings),
        outermost=Outermost.of(surroundings),
    )


def compile_delta(snapshot: Snapshot, delta: Delta, surroundings: Surroundings | None = None) -> Steps[Snapshot]:
    """The Snapshot that follows `snapshot` when `delta` happens.

    Other `surroundings` than those before (a reload of gateway.yaml) compile every Route again.
    """
    book: Book = snapshot.book
    surroundings = surroundings or book.surroundings
    upstreams, aliases = snapshot.upstreams, book.aliases
    if delta.services:
        upstreams, aliases = yield from with_services(upstreams, aliases, delta.services, surroundings.registry)
    after = replace(
        snapshot,
        revision=delta.revision,
        certificates_revision=(
            snapshot.certificates_revision if delta.certificates_revision is None else delta.certificates_revision
        ),
        services_revision=snapshot.services_revision if delta.services_revision is None else delta.services_revision,
        upstreams=upstreams,
        consumers=snapshot.consumers if delta.consumers is None else delta.consumers,
        certificates=snapshot.certificates if delta.certificates is None else delta.certificates,
        document_problems=snapshot.document_problems if delta.problems is None else delta.problems,
        book=replace(book, aliases=aliases),
    )
    if not delta.endpoints_only or surroundings != book.surroundings:
        after = yield from _Compilation(after, delta, surroundings).run()
    if after.document_problems is snapshot.document_problems and after.compile_problems is snapshot.compile_problems:
        return after
    return replace(after, errors=(yield from _errors(after)))


def compile_now(snapshot: Snapshot, delta: Delta, surroundings: Surroundings | None = None) -> Snapshot:
    """`compile_delta` in one go, where nothing is served that it could keep waiting."""
    return finish(compile_delta(snapshot, delta, surroundings))


def trial(snapshot: Snapshot, route: Route) -> Steps[Sequence[Problem]]:
    """What would keep `route` from coming into force beside `snapshot`; nothing of it is kept."""
    try:
        yield from Grower(snapshot.outermost).grow(route)
    except Unfit as unfit:
        return list(unfit.problems)
    except ValueError as error:
        return [_flaw(route, str(error))]
    return ()


def _errors(snapshot: Snapshot) -> Steps[int]:
    count = 0
    for number, problems in enumerate((snapshot.document_problems, *snapshot.compile_problems.values())):
        count += sum(problem.severity == "error" for problem in problems)
        if number % STRIDE == 0:
            yield
    return count


class _Compilation:
    """One Delta that touches routes, rules, lists or surroundings, on its way into the router."""

    def __init__(self, before: Snapshot, delta: Delta, surroundings: Surroundings) -> None:
        self._before, self._delta, self._surroundings = before, delta, surroundings
        self._book: Book = before.book
        self._lists = before.lists if delta.lists is None else delta.lists
        self._told = delta.lists is not None or delta.consumers is not None
        self._relisted: frozenset[str] = frozenset()
        self._changed = surroundings.installed.changed_from(self._book.surroundings.installed)
        known = replace(surroundings, installed=self._book.surroundings.installed)
        outermost = before.outermost
        self._all = known != self._book.surroundings or not self._changed.isdisjoint(outermost.verdict.plugins)
        self._grower = Grower(outermost)
        self._branches: dict[str, Branch] = {}
        self._problems: dict[str, tuple[Problem, ...]] = {}
        self._touched: set[str] = set()

    def run(self) -> Steps[Snapshot]:
        book = self._book
        yield from self._surround()
        grown = yield from self._grow()
        self._branches = dict(book.branches)
        for key, branch in grown.items():
            if branch is None:
                self._branches.pop(key, None)
            else:
                self._branches[key] = branch
        self._problems = dict(self._before.compile_problems)
        self._note("gateway", tuple(_warning(warned) for warned in self._grower.outermost.verdict.warnings))
        yield
        rules, rule_entries = yield from self._rules()
        hosts = yield from self._hosts(grown)
        if rule_entries is not book.rule_entries:
            self._touched.update(rule_entries, book.rule_entries)
        changes = yield from self._entries(hosts, rule_entries)
        router = yield from self._before.router.with_hosts_in_steps(changes)
        yield from self._ambiguities(changes, router)
        guarded = yield from self._guarded(hosts, rule_entries)
        streams = yield from self._streams(grown)
        return replace(
            self._before,
            router=router,
            streams=streams,
            guarded=guarded,
            escaped_slashes=self._surroundings.escaped_slashes,
            merge_slashes=self._surroundings.merge_slashes,
            lists=self._lists,
            outermost=self._grower.outermost,
            book=Book(self._surroundings, self._branches, hosts, rules, rule_entries, book.aliases),
            compile_problems=self._problems,
        )

    def _surround(self) -> Steps[None]:
        """What is the same for all documents: named lists, compiled, and what gateway.yaml makes of them."""
        outermost, config = self._grower.outermost, self._grower.outermost.fitter.config
        if self._told:
            addresses = yield from config.addresses.follow(self._lists)
            self._relisted = config.addresses.changed(addresses)
            config = Config(self._lists, self._before.consumers, addresses)
        if self._all or self._told or self._changed:
            outermost = Outermost.of(self._surroundings, config)
        relisted = not self._relisted.isdisjoint(outermost.verdict.lists)
        self._all = self._all or relisted or (self._told and outermost.verdict.uses_config)
        self._grower = Grower(outermost)

    def _grow(self) -> Steps[dict[str, Branch | None]]:
        """The new Branch, None if gone, of each document that changed or sees something changed."""
        grown: dict[str, Branch | None] = {}
        for key, document in self._documents():
            grown[key] = None if document is None else (yield from self._branch(key, document))
            yield
        return grown

    def _documents(self) -> Iterable[tuple[str, Route | Quarantined | None]]:
        changed = self._delta.routes
        if self._all or self._told or self._changed:
            for key, branch in self._book.branches.items():
                if key not in changed and (self._all or self._concerns(branch)):
                    yield key, branch.document
        yield from changed.items()

    def _concerns(self, branch: Branch) -> bool:
        """Whether what came with this Delta, besides documents, means something to `branch`."""
        if not self._relisted.isdisjoint(branch.lists):
            return True
        return (self._told and branch.uses_config) or not self._changed.isdisjoint(branch.plugins)

    def _branch(self, key: str, document: Route | Quarantined) -> Steps[Branch]:
        if isinstance(document, Quarantined):
            return closed_branch(document, key)
        try:
            return (yield from self._grower.grow(document))
        except Unfit as unfit:
            return self._failed(key, document, unfit.problems)
        except ValueError as error:
            return self._failed(key, document, [_flaw(document, str(error))])
        except Exception as error:  # one document must never keep all others from coming into force
            return self._failed(key, document, [_flaw(document, f"{type(error).__name__}: {error}")])

    def _failed(self, key: str, route: Route, problems: Sequence[Problem]) -> Branch:
        """The last good version of what can't be compiled; closed without one, or where the surroundings changed."""
        last, found = self._book.branches.get(key), tuple(problems)
        if last is not None and isinstance(last.document, Route) and not self._all:
            return last._replace(problems=found)
        listener = None if route.stream is None else route.stream.listener
        closed = closed_branch(Quarantined(route.name, route.hosts, found, route.source, listener), key)
        return closed._replace(problems=found)

    def _rules(self) -> Steps[tuple[tuple[Rule, ...], Mapping[str, Entries]]]:
        book = self._book
        rules = book.rules if self._delta.rules is None else self._delta.rules
        if rules is book.rules and not self._all:
            return rules, book.rule_entries
        entries, problems = yield from grow_rules(rules, self._grower)
        self._note("rules", problems)
        return rules, entries

    def _hosts(self, grown: Mapping[str, Branch | None]) -> Steps[dict[str, tuple[str, ...]]]:
        """Which Branches each host pattern has now; notes in `self._touched` those to be put together anew."""
        joined: dict[str, set[str]] = {}
        hosts = dict(self._book.hosts)
        yield
        for number, (key, branch) in enumerate(grown.items()):
            self._note(f"route {key}", branch.problems if branch else ())
            for host in self._patterns(key, branch):
                keys = joined.get(host)
                if keys is None:
                    keys = joined[host] = set(hosts.get(host, ()))
                if branch is not None and host in branch.entries:
                    keys.add(key)
                else:
                    keys.discard(key)
            if number % STRIDE == 0:
                yield
        for number, (host, keys) in enumerate(joined.items()):
            if keys:
                hosts[host] = tuple(sorted(keys)) if len(keys) > 1 else tuple(keys)
            else:
                hosts.pop(host, None)
            if number % STRIDE == 0:
                yield
        self._touched.update(joined)
        return hosts

    def _patterns(self, key: str, branch: Branch | None) -> Iterable[str]:
        """The host patterns that a document has or had."""
        last = self._book.branches.get(key)
        if last is None:
            return branch.entries if branch is not None else ()
        return {**last.entries, **(branch.entries if branch is not None else {})}

    def _entries(self, hosts: Mapping[str, tuple[str, ...]], rules: Mapping[str, Entries]) -> Steps[dict[str, Entries]]:
        """All entries of each host pattern that is put together anew; none where it is gone."""
        changes = {}
        for number, host in enumerate(self._touched):
            keys = hosts.get(host, ())
            if len(keys) == 1 and host not in rules:
                changes[host] = self._branches[keys[0]].entries[host]
            else:
                routes = [entry for key in keys for entry in self._branches[key].entries[host]]
                changes[host] = (*routes, *rules.get(host, ()))
            if number % STRIDE == 0:
                yield
        return changes

    def _guarded(self, hosts: Mapping[str, tuple[str, ...]], rules: Mapping[str, Entries]) -> Steps[frozenset[str]]:
        """Rules are under gateway.yaml alone; where that changes they are all new, and their hosts touched."""
        before, now = self._before.guarded, set()
        under = rules if self._grower.outermost.verdict.guarded else ()
        for number, host in enumerate(self._touched):
            if host in under:
                now.add(host)
            for key in hosts.get(host, ()):
                if host in self._branches[key].guarded:
                    now.add(host)
            if number % STRIDE == 0:
                yield
        return before if not now and before.isdisjoint(self._touched) else (before - self._touched) | now

    def _streams(self, grown: Mapping[str, Branch | None]) -> Steps[Mapping[str, StreamTable]]:
        """Where connections go; looked at where a document of connections came, changed or went."""
        before = self._book.branches
        if not any(branch is not None and branch.streams for key in grown for branch in (grown[key], before.get(key))):
            return self._before.streams
        leaves: list[StreamLeaf] = []
        for number, key in enumerate(sorted(self._branches)):
            leaves += self._branches[key].streams
            if number % STRIDE == 0:
                yield
        found, losers = tables(leaves)
        self._note("streams", tuple(_taken(loser, holder) for loser, holder in losers))
        return found

    def _ambiguities(self, changes: Mapping[str, Entries], router: Router) -> Steps[None]:
        """Report entries of one host that only their names tell apart."""
        for number, (host, entries) in enumerate(changes.items()):
            if len(entries) > 1:
                yield from self._compare(host, router.entries_of(host))
            else:
                self._note(f"host {host}", ())
            if number % STRIDE == 0:
                yield

    def _compare(self, host: str, entries: Iterable[Entry]) -> Steps[None]:
        first: dict[object, Entry] = {}
        found = []
        for number, entry in enumerate(entries):
            winner = entry if entry.priority == LAST else first.setdefault(shape(entry), entry)
            if winner is not entry:
                found.append(_ambiguous(host, winner.target, entry.target))
            if number % STRIDE == STRIDE - 1:
                yield
        self._note(f"host {host}", tuple(found))

    def _note(self, what: str, problems: tuple[Problem, ...]) -> None:
        if problems:
            self._problems[what] = problems
        elif self._problems:
            self._problems.pop(what, None)


def _flaw(route: Route, reason: str) -> Problem:
    source = route.source
    return Problem(source.file, source.line, 1 if source.line else 0, reason, "", route.name)


def _warning(warned: Warned) -> Problem:
    line = warned.line
    return Problem(warned.origin.file, line, 1 if line else 0, warned.text, severity="warning")


def _taken(loser: StreamLeaf, holder: StreamLeaf) -> Problem:
    place = f"{holder.source.file}:{holder.source.line}"
    message = f"{loser.host} of listener {loser.stream.listener!r} is taken by {holder.route!r} at {place}, which holds"
    return Problem(loser.source.file, loser.source.line, 1, message, "", loser.route, "warning")


def _ambiguous(host: str, winner: Leaf, loser: Leaf) -> Problem:
    place = f"{winner.origin.source.file}:{winner.origin.line}"
    message = f"{loser.path} of {host} can't be told apart from that of {winner.route!r} at {place}, which holds"
    origin = loser.origin
    return Problem(origin.source.file, origin.line, 1 if origin.line else 0, message, "", loser.route, "warning")
