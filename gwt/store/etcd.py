"""EtcdReader: a shared store in etcd: read whole once, then watched; written in transactions."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.logger import Logger

from gwt.etcd.address import Address
from gwt.etcd.client import Client, EtcdError, Watch
from gwt.etcd.messages import KeyValue, b64, below, delete, events_of, keys_of, none_since, put, revision_of, unchanged
from gwt.store.base import StoreError
from gwt.store.commit import REMEMBERED, Commit, Conflict, Fenced, Revision, read_revision
from gwt.store.follow import FORMAT, PARTS, Question, State
from gwt.store.mirror import Mirror
from gwt.store.reader import Found, Told

#: Keys of one answer: some 5 ms of JSON.
PAGE: Final = 250

#: Entries of one commit, and revisions that it forgets: etcd takes 128 of anything in a transaction.
MOST: Final = 100
FORGOTTEN: Final = 10

#: Seconds for which a change may be on its way to the watch.
LATE: Final = 0.5

#: The key of each part that every commit to it writes: what was deleted leaves no other trace.
_COUNTER: Final = {"routes": "rev", "services": "services-rev", "certificates": "certificates-rev"}

#: What comes of answers that are none of etcd's.
UNREADABLE: Final = (EtcdError, ValueError, TypeError, LookupError, AttributeError)

#: Attempts at a commit while others write the same keys.
ATTEMPTS: Final = 5


class EtcdReader:
    """See `gwt.store.reader.Reader`. Raises OSError or ValueError where the address can't be used."""

    log = Logger("gwt.store")
    counted = False
    most = MOST

    def __init__(self, reactor: Any, address: Address) -> None:
        self._clock = reactor
        self._client = Client(reactor, address)
        self._prefix = address.prefix
        self._mirror = Mirror(address.prefix)
        self._watch: Watch | None = None
        self._store: Told | None = None
        self._behind: tuple[int, float] | None = None

    def start(self, store: Told) -> None:
        self._store = store
        store.follow_from()

    def stop(self) -> Deferred[Any]:
        self._store = None
        self._unwatch()
        return self._client.close()

    @inlineCallbacks
    def state(self) -> Any:
        """One small round trip: whether the watch has told of all there is. Read whole where it has not."""
        try:
            if self._watch is None:
                yield self._fill()
            else:
                yield self._check()
        except UNREADABLE as error:
            raise StoreError(f"etcd can't be read: {error}") from None
        return self._mirror.state

    def read(self, question: Question) -> Deferred[tuple[State, Found]]:
        return succeed((self._mirror.state, self._mirror.read(question)))

    @inlineCallbacks
    def entry(self, hash_: str, name: str) -> Any:
        try:
            answer = yield self._client.ask("/v3/kv/range", {"key": b64(self._key(f"{hash_}/{name}"))})
            return keys_of(answer)[0].value if answer.get("kvs") else None
        except UNREADABLE as error:
            raise StoreError(f"etcd can't be read: {error}") from None

    def holds(self, part: str, rev: int, revs: Mapping[str, int]) -> bool:
        return self.expected(part, revs) >= rev

    def expected(self, part: str, revs: Mapping[str, int]) -> int:
        return self._mirror.mark(part, revs.get(part, -1)).at

    def revision(self, revs: Mapping[str, int]) -> int:
        return self._mirror.mark("routes", revs.get("routes", -1)).routes_rev

    # -- reading

    @inlineCallbacks
    def _fill(self) -> Any:
        """All keys at one revision, then a watch from the next one on."""
        keys: list[KeyValue] = []
        prefix = f"{self._prefix}/"
        question = below(prefix, limit=str(PAGE), sort_target="KEY", sort_order="ASCEND")
        at = 0
        while True:
            answer = yield self._client.ask("/v3/kv/range", question)
            at = at or revision_of(answer)
            keys += keys_of(answer)
            if not answer.get("more"):
                break
            question = {**question, "key": b64(keys[-1].key + "\0"), "revision": str(at)}
        if self._store is None:
            return
        self._mirror.fill(keys, at)
        self._behind = None
        asked = below(prefix, start_revision=str(at + 1))
        self._watch = self._client.watch(asked, self._heard, self._over)

    @inlineCallbacks
    def _check(self) -> Any:
        """A change that the watch has not told of for a while never comes."""
        mirror, now = self._mirror, self._clock.seconds()
        asked = below(f"{self._prefix}/", limit="1", keys_only=True, min_mod_revision=str(mirror.at + 1))
        answer = yield self._client.ask("/v3/kv/range", asked)
        same = not answer.get("kvs") and int(answer.get("count", 0)) == len(mirror.keys)
        if same or self._watch is None:
            self._behind = None
        elif self._behind is None or self._behind[0] != mirror.at:
            self._behind = (mirror.at, now)
        elif now - self._behind[1] >= LATE:
            self._unwatch()
            yield self._fill()

    def _heard(self, result: Any) -> None:
        if result.get("canceled"):
            raise ValueError(result.get("cancel_reason") or f"compacted at {result.get('compact_revision')}")
        for change in self._mirror.follow(events_of(result)):
            if self._store is not None:
                self._store.heard(change)

    def _over(self, why: str) -> None:
        """Read it all again, at once if that is possible: what was missed can't be told by what comes."""
        self._watch = None
        if self._store is not None:
            self.log.info("the watch of etcd is over ({why}): reading again", why=why)
            self._store.follow_from()

    def _unwatch(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()

    # -- writing

    @inlineCallbacks
    def commit(self, commit: Commit) -> Any:
        many = sum(map(len, commit.entries.values()))
        if many > MOST:
            raise StoreError(f"etcd can't be written to: {many} entries are too many at once, {MOST} are not")
        try:
            for _ in range(ATTEMPTS):
                rev = yield self._try(commit)
                if rev is not None:
                    return rev
        except UNREADABLE as error:
            raise StoreError(f"etcd can't be written to: {error}") from None
        raise StoreError("etcd can't be written to: others write the same entries all the time")

    @inlineCallbacks
    def _try(self, commit: Commit) -> Any:
        """The new revision, None where an entry was changed meanwhile."""
        own = [self._key("id"), self._key("format"), self._key("epoch")]
        keys = [self._key(f"{hash_}/{name}") for hash_, names in commit.entries.items() for name in names]
        answer = yield self._client.ask("/v3/kv/txn", {"success": [_get(key) for key in (*own, *keys)]})
        found = [_first(one) for one in answer["responses"]]
        self._judge(commit, *(found[:3]))
        before = dict(zip(keys, found[3:], strict=True))
        known = zip((*own, *keys), found, strict=True)
        conditions = [
            unchanged(key, one.rev if one else 0) for key, one in known if key != own[2] or commit.epoch is not None
        ]
        if commit.expected is not None:
            conditions += none_since(self._told_by(commit.part), commit.expected)
        writes = list(self._writes(commit, before, found[0] is None, _epoch(found[2])))
        answer = yield self._client.ask("/v3/kv/txn", {"compare": conditions, "success": writes})
        if answer.get("succeeded"):
            return revision_of(answer)
        if commit.expected is not None:
            yield self._expected(commit)
        return None

    def _judge(self, commit: Commit, id_: KeyValue | None, format_: KeyValue | None, epoch: KeyValue | None) -> None:
        if format_ is not None and format_.value != FORMAT.encode():
            raise ValueError(f"the store is of format {format_.value!r}")
        last = _epoch(epoch)
        if commit.epoch is not None and commit.epoch < last:
            raise Fenced(last)

    def _writes(self, commit: Commit, before: Mapping[str, KeyValue | None], new: bool, epoch: int) -> Any:
        if new:
            yield put(self._key("id"), secrets.token_hex(8))
            yield put(self._key("format"), FORMAT)
        if commit.epoch is not None and commit.epoch != epoch:
            yield put(self._key("epoch"), str(commit.epoch))
        changed = {}
        for hash_, names in commit.entries.items():
            for name, text in names.items():
                key = self._key(f"{hash_}/{name}")
                yield delete(key) if text is None else put(key, text)
                old = before[key]
                after = None if text is None else text.encode()
                changed[commit.label(hash_, name)] = [_told(None if old is None else old.value), _told(after)]
        yield put(self._key(_COUNTER[commit.part]), commit.reason)
        if commit.part == "routes":
            record = {"rev": 0, "time": round(commit.time, 3), "actor": commit.actor, "reason": commit.reason}
            yield put(self._key(f"history/{secrets.token_hex(8)}"), json.dumps({**record, "changed": changed}))
            for one in self._mirror.named("history/")[: 1 - REMEMBERED][:FORGOTTEN]:
                yield delete(one.key)

    def _told_by(self, part: str) -> list[str]:
        """Prefixes of the keys that tell which revision a part is at."""
        keys = [self._key(f"{hash_}/") for hash_ in PARTS[part]]
        return [*keys, self._key(_COUNTER[part])]

    @inlineCallbacks
    def _expected(self, commit: Commit) -> Any:
        """Raises Conflict where the store is at another revision than was expected."""
        last = {"sort_target": "MOD", "sort_order": "DESCEND", "limit": "1", "keys_only": True}
        parts = [{"request_range": below(key, **last)} for key in self._told_by(commit.part)]
        answer = yield self._client.ask("/v3/kv/txn", {"success": parts})
        found = [_first(one) for one in answer["responses"]]
        rev = max((one.rev for one in found if one is not None), default=0)
        if commit.expected is not None and rev > commit.expected:
            raise Conflict(rev)

    @inlineCallbacks
    def history(self) -> Any:
        try:
            answer = yield self._client.ask("/v3/kv/range", below(self._key("history/")))
            found = sorted(keys_of(answer), key=lambda one: one.rev)
        except UNREADABLE as error:
            raise StoreError(f"etcd can't be read: {error}") from None
        return [revision for one in found[-REMEMBERED:] for revision in _revisions(one)]

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}"


def _get(key: str) -> dict[str, Any]:
    return {"request_range": {"key": b64(key)}}


def _epoch(one: KeyValue | None) -> int:
    value = (one.value if one is not None else None) or b""
    return int(value) if value.isdigit() else 0


def _first(response: Any) -> KeyValue | None:
    found = keys_of(response.get("response_range", {}))
    return found[0] if found else None


def _told(raw: bytes | None) -> Any:
    """What stood there, as JSON; as text where it is none."""
    if raw is None:
        return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw.decode("utf-8", "replace")


def _revisions(one: KeyValue) -> Any:
    with suppress(ValueError):
        found: Revision = read_revision(one.value or b"")
        yield Revision(one.rev, found.time, found.actor, found.reason, found.changed)
