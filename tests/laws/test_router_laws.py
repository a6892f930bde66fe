"""Laws of the router: it equals a brute-force oracle, and a change moves only what it must."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gwt.model.route import Path
from gwt.route.conditions import Conditions
from gwt.route.entry import Entry
from gwt.route.router import Router

#: A busy machine must not fail a law.
law = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
HOSTS = ["a.x", "b.x", "c.b.x", "x", "y"]
PATTERNS = ["a.x", "b.x", "c.b.x", "*.x", "*.b.x", "*", "y"]
SEGMENTS = ["a", "b", "ab", "c"]


@dataclass(frozen=True)
class View:
    method: bytes = b"GET"
    host: bytes = b""
    path: bytes = b"/"
    client: str = "10.0.0.1"
    headers: dict[bytes, bytes] = field(default_factory=dict)

    def header(self, name_lower: bytes) -> bytes | None:
        return self.headers.get(name_lower)

    def arg(self, name: bytes) -> bytes | None:
        return None

    def cookie(self, name: bytes) -> bytes | None:
        return None


segments = st.lists(st.sampled_from(SEGMENTS), max_size=4)
literals = st.tuples(segments, st.sampled_from(["", "", "/"])).map(
    lambda s: ("/" + "/".join(s[0]) + s[1]).replace("//", "/")
)
templates = st.lists(st.sampled_from([*SEGMENTS, "{p}", "{q}"]), min_size=1, max_size=4).map(
    lambda s: "/" + "/".join(s)
)
regexes = st.sampled_from(
    [
        "a",
        "b$",
        "^/a",
        "^/a/b",
        "^/a/b/",
        "^/(a|b)",
        "^/a/?b",
        r"\Aa",
        r"\A/ab",
        "(?i)^/A/",
        "^/ab+",
        "^/a|/c",
        "",
        "^/a/b/c$",
    ]
)
uris = st.one_of(
    st.tuples(st.sampled_from(["prefix", "exact"]), literals),
    st.tuples(st.just("template"), templates),
    st.tuples(st.just("regex"), regexes),
)


@st.composite
def conditions(draw: st.DrawFn) -> Conditions | None:
    return Conditions.of(
        Path(
            uri="/",
            methods=draw(st.sampled_from([(), (), (), ("GET",), ("POST",), ("GET", "POST")])),
            headers=draw(st.sampled_from([{}, {}, {}, {"X-A": "1"}, {"X-A": "2"}, {"X-A": "1", "x-b": "1"}])),
        )
    )


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    # Half of them crowd on two patterns, so that conditions and names decide.
    match, uri = draw(st.one_of(st.sampled_from([("prefix", "/a"), ("template", "/a/{p}")]), uris))
    return Entry(
        uri.encode(),
        match,
        draw(st.sampled_from([0, 0, 0, 0, 1, -1])),
        draw(conditions()),
        draw(st.sampled_from(["n", "m", "k"])),
        object(),
    )


tables = st.dictionaries(
    st.sampled_from(PATTERNS),
    st.one_of(st.lists(entries(), min_size=1, max_size=6), st.lists(entries(), min_size=7, max_size=30)),
    max_size=5,
)
paths = st.one_of(
    st.sampled_from([b"/a", b"/a/b"]),
    st.lists(st.sampled_from([*SEGMENTS, "abb", "A", ""]), max_size=6).map(lambda s: ("/" + "/".join(s)).encode()),
)
views = st.builds(
    View,
    method=st.sampled_from([b"GET", b"POST", b"PUT"]),
    headers=st.sampled_from([{}, {b"x-a": b"1"}, {b"x-a": b"2"}, {b"x-a": b"1", b"x-b": b"1"}]),
)


# --- the oracle: the contract's words, with no tree and none of the router's helpers ---


def fits(entry: Entry, path: bytes) -> bool:
    if entry.match == "exact":
        return path == entry.uri
    if entry.match == "regex":
        return re.search(entry.uri, path) is not None
    if entry.match == "template":
        parts = [b"[^/]+" if part.startswith(b"{") else re.escape(part) for part in entry.uri.split(b"/")]
        return re.fullmatch(b"/".join(parts), path) is not None
    stem = entry.uri[:-1] if entry.uri.endswith(b"/") else entry.uri
    return path == stem or path.startswith(stem + b"/")


def beats(one: Entry, other: Entry) -> bool:
    return _standing(one) < _standing(other)


def _standing(entry: Entry) -> tuple[object, ...]:
    kind = ["exact", "template", "regex", "prefix"].index(entry.match)
    by_template = tuple(part.startswith(b"{") for part in entry.uri.split(b"/")) if kind == 1 else ()
    length = {0: 0, 1: 0, 2: len(entry.uri), 3: len(entry.uri.rstrip(b"/"))}[kind]
    asked = len(entry.conditions.tests) if entry.conditions else 0
    return (-entry.priority, kind, sum(by_template), by_template, -length, -asked, entry.name)


def oracle(table: dict[str, list[Entry]], host: str, path: bytes, view: View) -> object:
    chosen = [host, *("*" + host[at:] for at in range(len(host)) if host[at] == "."), "*"]
    for pattern in chosen:
        if pattern in table:
            best = None
            for entry in table[pattern]:
                if not fits(entry, path) or (entry.conditions and entry.conditions.fails(view)):
                    continue
                if best is None or beats(entry, best):
                    best = entry
            return best.target if best else None
    return None


hosts = st.sampled_from(HOSTS)
requests = st.lists(st.tuples(hosts, paths, views), min_size=1, max_size=12)


@law
@given(tables, requests)
def test_the_compiled_match_equals_the_oracle(
    table: dict[str, list[Entry]], asked: list[tuple[str, bytes, View]]
) -> None:
    router = Router().with_hosts(table)
    for host in HOSTS:
        for _, path, view in asked:
            assert router.match(host.encode(), path, view) is oracle(table, host, path, view)


@law
@given(tables, requests)
def test_explain_tells_of_all_entries_and_of_the_same_winner(
    table: dict[str, list[Entry]], asked: list[tuple[str, bytes, View]]
) -> None:
    router = Router().with_hosts(table)
    for host, path, view in asked:
        found = router.explain(host.encode(), path, view)
        winners = [candidate.entry.target for candidate in found if candidate.lost is None]
        expected = oracle(table, host, path, view)
        assert winners == ([] if expected is None else [expected])
        pattern = router.pattern_of(host.encode())
        assert len(found) == len(table.get(pattern or "", []))
        assert all(candidate.lost is None or candidate.lost for candidate in found)


@law
@given(tables, st.sampled_from(PATTERNS), entries(), requests)
def test_adding_a_route_changes_no_request_that_it_does_not_match(
    table: dict[str, list[Entry]], pattern: str, new: Entry, asked: list[tuple[str, bytes, View]]
) -> None:
    table.setdefault(pattern, [Entry(b"/", target=object())])
    before = Router().with_hosts(table)
    after = before.with_hosts({pattern: [*table[pattern], new]})
    for host, path, view in asked:
        concerned = after.pattern_of(host.encode()) == pattern and fits(new, path)
        concerned = concerned and not (new.conditions and new.conditions.fails(view))
        if not concerned:
            assert after.match(host.encode(), path, view) is before.match(host.encode(), path, view)


@settings(law, max_examples=60)
@given(st.lists(tables, min_size=1, max_size=4), st.lists(st.sampled_from(PATTERNS), max_size=3), requests)
def test_changing_hosts_one_by_one_equals_building_from_scratch(
    changes: list[dict[str, list[Entry]]], removed: list[str], asked: list[tuple[str, bytes, View]]
) -> None:
    final: dict[str, list[Entry]] = {}
    router = Router()
    removal: dict[str, list[Entry]] = {pattern: [] for pattern in removed}
    for change in [*changes, removal]:
        before = router
        seen_before = list(before.entries())
        router = router.with_hosts(change)
        assert list(before.entries()) == seen_before
        final.update(change)
    final = {pattern: given for pattern, given in final.items() if given}
    scratch = Router().with_hosts(final)
    assert sorted(map(id, _all(router))) == sorted(map(id, _all(scratch)))
    for host, path, view in asked:
        assert router.match(host.encode(), path, view) is scratch.match(host.encode(), path, view)


def _all(router: Router) -> list[Entry]:
    return [entry for _, entry in router.entries()]


@law
@given(st.lists(entries(), min_size=1, max_size=12), requests)
def test_what_cannot_be_told_apart_never_wins(listed: list[Entry], asked: list[tuple[str, bytes, View]]) -> None:
    router = Router().with_hosts({"*": listed})
    losers = {loser.target for _, loser in router.ambiguous("*")}
    for host, path, view in asked:
        assert router.match(host.encode(), path, view) not in losers
