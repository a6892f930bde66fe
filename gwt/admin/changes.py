"""Changes by the admin API: documents and upstreams written to a shared store, its history, and the way back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks

from gwt.admin.answers import Reply, failed
from gwt.admin.bodies import Refused, json_of, refuse, route_document, sole
from gwt.admin.tree import Question
from gwt.compile import compile_delta, trial
from gwt.delta import Delta
from gwt.meaning import hosts_of, policies, requests
from gwt.model.parse import parse_file
from gwt.model.route import Problem, Route
from gwt.snapshot import Snapshot
from gwt.steps import Steps
from gwt.store.base import StoreError
from gwt.store.commit import Commit, Conflict, Revision, Writable, entry_of, label_of
from gwt.store.content import CertificatePart
from gwt.store.entries import Entry, entry_content, read_entry
from gwt.store.follow import PART_OF
from gwt.store.pace import Pacer
from gwt.store.revisions import NOTHING, Forgotten, differences, released, rollback, summary, undone

_ETAG = re.compile(r'(?:W/)?"(\d{1,18})"').fullmatch
_NAME = re.compile(r"[^\s\x00-\x1f\x7f]{1,253}").fullmatch

#: Methods of entries that can be written.
WRITING = ("GET", "HEAD", "PUT", "DELETE")


class Changes:
    """`store` is asked at each change and is None where the store in force can't be written to.

    `snapshot` is what is in force, `wall` the time of day in seconds; what `everywhere` gives fires when that revision
    of a part is in force in all workers.
    """

    def __init__(
        self, store: Callable[[], Writable | None], snapshot: Callable[[], Snapshot], pacer: Pacer,
        wall: Callable[[], float], everywhere: Callable[[str, int], Deferred[Any]],
    ) -> None:  # fmt: skip
        self._store, self._snapshot, self._pacer, self._wall = store, snapshot, pacer, wall
        self._everywhere = everywhere

    def route(self, question: Question) -> Deferred[Reply]:
        """PUT or DELETE of a Route by its name."""
        return self._answer(self._put_route if question.method == "PUT" else self._drop, question, "routes")

    def upstream(self, question: Question) -> Deferred[Reply]:
        """PUT or DELETE of an upstream by its key."""
        return self._answer(self._put_upstream if question.method == "PUT" else self._drop, question, "services")

    def certificate(self, question: Question) -> Deferred[Reply]:
        """PUT or DELETE of a certificate by its name."""
        return self._answer(self._put_certificate if question.method == "PUT" else self._drop, question, "certificates")

    def history(self, question: Question) -> Deferred[Reply]:
        """GET of all revisions that are remembered, the last first, or of one, whole."""
        return self._answer(self._tell, question)

    def diff(self, question: Question) -> Deferred[Reply]:
        """GET: what changed from one revision to another, by field, and what that means."""
        return self._answer(self._compare, question)

    def rollback(self, question: Question) -> Deferred[Reply]:
        """POST: bring an earlier revision back, or release what is held since."""
        return self._answer(self._release if question.name == "release" else self._roll_back, question)

    @inlineCallbacks
    def _answer(self, work: Callable[..., Any], question: Question, *more: str) -> Any:
        store = self._store()
        if store is None and question.method in ("GET", "HEAD"):
            return failed(404, "not_found", "the store in force keeps no history: that is for redis:// and etcd://")
        if store is None:
            return failed(
                409, "read_only", "the store in force takes no changes: write to its files, or use redis:// or etcd://"
            )
        try:
            reply = yield work(store, question, *more)
        except Refused as refused:
            return refused.reply
        except Conflict as conflict:
            return failed(412, "conflict", f"{conflict}: read it again, and repeat the change", revision=conflict.rev)
        except StoreError as error:
            return failed(503, "store", str(error))
        return reply

    # -- routes, upstreams and certificates

    @inlineCallbacks
    def _put_route(self, store: Writable, question: Question, hash_: str) -> Any:
        name = _named(question)
        document = route_document(question.body, name)
        yield self._try(name, document)
        entry = Entry(document, "admin")
        return (yield self._commit(store, question, hash_, entry.text()))

    @inlineCallbacks
    def _try(self, name: str, document: Any) -> Any:
        """Refused where the document is wrong, or could not come into force here."""
        parsed = parse_file(json.dumps(document, ensure_ascii=False), f"routes/{name}")
        refuse(parsed.errors)
        (route,) = parsed.documents
        if not isinstance(route, Route):
            raise Refused(failed(400, "bad_document", "this is no Route: it has no hosts"))
        refuse((yield self._pacer.run(trial(self._snapshot(), route))))

    @inlineCallbacks
    def _put_upstream(self, store: Writable, question: Question, hash_: str) -> Any:
        name = _named(question)
        value = json_of(question.body)
        value = {"endpoints": value} if isinstance(value, list) else value
        if isinstance(value, dict):
            value = {**value, "source": "admin"}
        text = json.dumps(value, ensure_ascii=False)
        refuse([one for one in entry_content(hash_, name, text.encode()).problems if one.severity == "error"])
        return (yield self._commit(store, question, hash_, text))

    @inlineCallbacks
    def _put_certificate(self, store: Writable, question: Question, hash_: str) -> Any:
        name = _named(question)
        text = Entry(sole(question.body, f"{hash_}/{name}", "certificate"), "admin").text()
        content = entry_content(hash_, name, text.encode())
        refuse([one for one in content.problems if one.severity == "error"])
        for part in (part for doc in content.docs for part in doc.parts if isinstance(part, CertificatePart)):
            if part.certificate.ends <= self._wall():
                refuse([Problem(f"{hash_}/{name}", 0, 0, "the certificate has expired", name=name)])
        return (yield self._commit(store, question, hash_, text))

    @inlineCallbacks
    def _drop(self, store: Writable, question: Question, hash_: str) -> Any:
        name = _named(question)
        raw = yield store.entry(hash_, name)
        if raw is None:
            return failed(404, "not_found", f"the store holds no {hash_}/{name}")
        if _source(raw) == "kube":
            message = f"{hash_}/{name} is the controller's: delete its object in Kubernetes, or PUT another one here"
            return failed(409, "kube", message)
        return (yield self._commit(store, question, hash_, None))

    @inlineCallbacks
    def _commit(self, store: Writable, question: Question, hash_: str, text: str | None) -> Any:
        expected = yield self._expected(question, store, hash_)
        verb = "DELETE" if text is None else "PUT"
        commit = Commit(
            PART_OF[hash_], {hash_: {question.name: text}}, _actor(question), question.one("reason") or verb,
            self._wall(), expected,
        )  # fmt: skip
        return (yield self._make(store, commit, {"name": question.name}))

    @inlineCallbacks
    def _make(self, store: Writable, commit: Commit, told: Mapping[str, Any]) -> Any:
        rev = yield store.commit(commit)
        yield self._everywhere(commit.part, rev)
        return Reply({"revision": rev, **told}, headers={"ETag": f'"{rev}"'})

    @inlineCallbacks
    def _expected(self, question: Question, store: Writable, hash_: str) -> Any:
        """The revision that If-Match asks for. Raises Refused where it can't be met."""
        match = question.match
        if match is None:
            return None
        if match == "*":
            if (yield store.entry(hash_, question.name)) is None:
                raise Refused(failed(412, "conflict", f"the store holds no {hash_}/{question.name}"))
            return None
        etag = _ETAG(match.strip())
        if etag is None:
            raise Refused(failed(400, "bad_request", 'If-Match takes one revision: "7"'))
        return int(etag[1])

    # -- history

    @inlineCallbacks
    def _tell(self, store: Writable, question: Question) -> Any:
        history: Sequence[Revision] = yield store.history()
        if not question.name:
            told = {"revision": store.revision, "counted": store.counted}
            return Reply({**told, "history": [summary(one) for one in reversed(history)]})
        found = next((one for one in history if str(one.rev) == question.name), None)
        if found is None:
            return failed(404, "not_found", f"revision {question.name} is not remembered")
        changed = {label: {"before": before, "after": after} for label, (before, after) in found.changed.items()}
        return Reply({**summary(found), "changed": changed})

    @inlineCallbacks
    def _compare(self, store: Writable, question: Question) -> Any:
        history = yield store.history()
        now = max([store.revision, *(one.rev for one in history)])
        first = question.number("from", 10**8 - 1) or 0
        last = question.number("to", 10**8 - 1) or now
        try:
            changed = {rev: undone(history, now, rev, store.counted) for rev in (first, last)}
        except Forgotten as error:
            return failed(404, "not_found", str(error))
        labels = sorted(changed[first].keys() | changed[last].keys())
        documents = {rev: {label: _at(found, changed[first], label) for label in labels}
                     for rev, found in changed.items()}  # fmt: skip
        told = [{"name": label, "field": path} | {key: value for key, value in (("before", old), ("after", new))
                                                  if value is not NOTHING}
                for label in labels
                for path, old, new in differences(documents[first][label], documents[last][label])]  # fmt: skip
        means = yield self._pacer.run(self._meaning(labels, documents[first], documents[last]))
        return Reply({"from": first, "to": last, "documents": told, **means})

    def _meaning(self, labels: Sequence[str], before: Mapping[str, Any], after: Mapping[str, Any]) -> Steps[Any]:
        """As if nothing but these Routes had ever been another, with what else is in force now."""
        names = [name for hash_, name in map(entry_of, labels) if hash_ == "routes"]
        pair = [self._routes_of({name: found[label_of("routes", name)] for name in names}) for found in (before, after)]
        old = yield from compile_delta(self._snapshot(), Delta(0, pair[0]))
        new = yield from compile_delta(self._snapshot(), Delta(0, pair[1]))
        keys = pair[0].keys() | pair[1].keys()
        hosts = hosts_of(old, keys) | hosts_of(new, keys)
        return {"policies": (yield from policies(old, new, hosts)), "requests": (yield from requests(old, new, hosts))}

    def _routes_of(self, documents: Mapping[str, Any]) -> dict[str, Route | None]:
        """Routes by the name that they have in force; None for those that are not there."""
        found: dict[str, Route | None] = {}
        for name, document in documents.items():
            found.setdefault(name, None)
            if isinstance(document, dict):
                text = json.dumps({"name": name, **document}, ensure_ascii=False)
                for one in parse_file(text, f"routes/{name}").documents:
                    if isinstance(one, Route):
                        found[one.name] = one
        return found

    @inlineCallbacks
    def _roll_back(self, store: Writable, question: Question) -> Any:
        if not re.fullmatch(r"\d{1,15}", question.name):
            return failed(400, "bad_request", "which revision? POST /v1/rollback/REV")
        history = yield store.history()
        now = max([store.revision, *(one.rev for one in history)])
        try:
            commit = rollback(history, now, int(question.name), _actor(question), self._wall(), store.counted)
        except Forgotten as error:
            return failed(404, "not_found", str(error))
        if commit is None:
            return Reply({"revision": now, "changed": []})
        return (yield self._make(store, commit, {"changed": commit.labels}))

    @inlineCallbacks
    def _release(self, store: Writable, question: Question) -> Any:
        """Of those that `name` says, or of all."""
        now, found = yield store.whole("routes")
        names = frozenset(question.query.get("name", ()))
        held = released(found)
        unknown = sorted(names - held.keys())
        if unknown:
            return failed(404, "not_found", f"no rollback holds {', '.join(unknown)}: held are {_some(held)}")
        entries: dict[str, dict[str, str | None]] = {}
        for label in names or held:
            hash_, name = entry_of(label)
            entries.setdefault(hash_, {})[name] = held[label]
        if not entries:
            return Reply({"revision": store.revision, "changed": []})
        reason = question.one("reason") or "release of what was held"
        commit = Commit("routes", entries, _actor(question), reason, self._wall(), now)
        return (yield self._make(store, commit, {"changed": commit.labels}))


def _at(found: Mapping[str, tuple[Any, Any]], since_first: Mapping[str, tuple[Any, Any]], label: str) -> Any:
    """The document of a label at a revision, of which `found` says what has changed since; NOTHING for none."""
    entry = found[label][0] if label in found else since_first[label][1]
    if entry is None:
        return NOTHING
    document = entry["doc"] if isinstance(entry, dict) and "doc" in entry else entry
    return NOTHING if document is None else document


def _some(labels: Iterable[str]) -> str:
    """The first of them, for a message."""
    first = sorted(labels)[:11]
    return ", ".join(first[:10]) + (" and more" if len(first) > 10 else "") if first else "none"


def _named(question: Question) -> str:
    if not _NAME(question.name):
        raise Refused(failed(400, "bad_request", "a name without spaces and control characters must follow the path"))
    return question.name


def _source(raw: bytes) -> str:
    try:
        value = json.loads(raw)
        return str(value.get("source", "tool")) if isinstance(value, dict) else read_entry(raw).source
    except (ValueError, RecursionError):
        return "tool"


def _actor(question: Question) -> str:
    return (question.one("actor") or "admin")[:100]
