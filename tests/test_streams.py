from __future__ import annotations

from typing import Any

import pytest

from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.delta import Delta
from gwt.model.parse import parse_file
from gwt.model.route import Access, Quarantined, RateLimit, Route
from gwt.snapshot import Snapshot
from gwt.streams import StreamLeaf, StreamTable
from gwt.surroundings import Surroundings

NAMED = "stream: tls\nhosts: [a.example.com, '*.b.example.com', '*.example.com']\nservices: [{upstream: named}]\n"
ANY = "name: any\nstream: tls\nservices: [{upstream: any}]\n"


def compiled(*texts: str, access: Access = Access(), lists: Any = None, before: Snapshot | None = None) -> Snapshot:  # noqa: B008
    names = frozenset(("tls", "tcp"))
    surroundings = Surroundings(Registry(lambda: 0.0, lambda: 0.5), access, streams=names)
    routes: dict[str, Route | Quarantined | None] = {}
    for number, text in enumerate(texts):
        for document in parse_file(text, f"{number}.yaml").documents:
            assert isinstance(document, Route | Quarantined)
            routes[document.name or f"\0{number}"] = document
    return compile_now(before or empty_snapshot(surroundings), Delta(1, routes, lists=lists), surroundings)


def chosen(snapshot: Snapshot, name: bytes | None, listener: str = "tls") -> StreamLeaf | None:
    return snapshot.streams.get(listener, StreamTable()).choose(name)


@pytest.mark.parametrize(
    "name, upstream",
    [
        (b"a.example.com", "named"), (b"x.b.example.com", "named"), (b"x.y.example.com", "named"),
        (b"example.com", "any"), (b"other.org", "any"), (None, "any"),
    ],
)  # fmt: skip
def test_the_name_chooses(name: bytes | None, upstream: str) -> None:
    leaf = chosen(compiled(NAMED, ANY), name)
    assert leaf is not None
    assert leaf.upstream == upstream
    assert (chosen(compiled(NAMED), name) is None) == (upstream == "any")


def test_a_listener_reads_names_only_where_documents_have_some() -> None:
    assert compiled(NAMED, ANY).streams["tls"].by_name
    assert not compiled(ANY).streams["tls"].by_name


def test_marks_choose_the_namespace() -> None:
    envs = "envs: [{mark: '-test', namespace: test}, {mark: '', namespace: prod}]\n"
    snapshot = compiled("stream: tls\nhosts: ['db{mark}.x.io']\n" + envs + "services: [{name: db, port: 5432}]\n")
    found = [chosen(snapshot, name) for name in (b"db-test.x.io", b"db.x.io")]
    assert [leaf and leaf.upstream for leaf in found] == ["test/db:5432", "prod/db:5432"]


def test_policies_are_inherited_and_lists_are_followed() -> None:
    text = ANY + "timeout: {connect: 1, read: 7}\naccess: {ip_deny: ['@bad']}\n"
    snapshot = compiled(text, access=Access(ip_allow=("10.0.0.0/8",), retries=3), lists={"bad": ("10.1.0.0/16",)})
    leaf = chosen(snapshot, None)
    assert leaf is not None and leaf.rule is not None
    assert (leaf.policy.connect, leaf.policy.read, leaf.policy.retries) == (1, 7, 3)
    assert [leaf.rule.admits(one) for one in ("10.2.0.1", "10.1.0.1", "192.0.2.1")] == [True, False, False]
    after = compiled(before=snapshot, access=Access(ip_allow=("10.0.0.0/8",), retries=3), lists={"bad": ()})
    leaf = chosen(after, None)
    assert leaf is not None and leaf.rule is not None
    assert leaf.rule.admits("10.1.0.1")


@pytest.mark.parametrize(
    "access", [Access(auth_type="login"), Access(rate_limits=(RateLimit(1),)), Access(ip_deny=("@none",))]
)
def test_what_can_not_be_enforced_closes(access: Access) -> None:
    snapshot = compiled(ANY, access=access)
    leaf = chosen(snapshot, None)
    assert leaf is not None and leaf.closed
    assert [problem.severity for problem in snapshot.problems()] == ["warning"]
    undone = compiled(ANY + "access: {auth_type: public, rate_limits: [], ip_deny: []}\n", access=access)
    leaf = chosen(undone, None)
    assert leaf is not None and leaf.closed is None


def test_the_first_by_name_has_what_two_want_and_unknown_listeners_are_told() -> None:
    snapshot = compiled(ANY, ANY.replace("name: any", "name: zzz"), ANY.replace("any", "b").replace("tls", "udp"))
    assert (leaf := chosen(snapshot, None)) is not None and leaf.route == "any"
    messages = sorted(problem.message for problem in snapshot.problems())
    assert messages == [
        "* of listener 'tls' is taken by 'any' at 0.yaml:1, which holds",
        "there is no listener 'udp' in `listeners.stream` of gateway.yaml",
    ]


@pytest.mark.parametrize("broken", ["stream: tls\nhosts: [a.example.com]\nservices: 3\n",
                                    "stream: tls\nhosts: [a.example.com]\nservices: [\n"])  # fmt: skip
def test_a_broken_document_closes_its_names_and_no_host_of_requests(broken: str) -> None:
    snapshot = compiled(broken, ANY)
    leaf = chosen(snapshot, b"a.example.com")
    assert leaf is not None and leaf.closed
    assert (other := chosen(snapshot, b"b.example.com")) is not None and not other.closed
    assert list(snapshot.router.entries()) == []
    assert (holder := chosen(compiled(broken, NAMED), b"a.example.com")) is not None and not holder.closed


def test_what_goes_is_gone_and_what_does_not_change_is_shared() -> None:
    snapshot = compiled(NAMED, ANY)
    gone = compile_now(snapshot, Delta(2, {"any": None}))
    assert chosen(gone, None) is None
    same = compile_now(gone, Delta(3, {"r": Route("r", ("h",))}))
    assert same.streams is gone.streams
