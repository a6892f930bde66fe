"""RedisReader: a shared store in Redis: one connection that reads, one that hears what changes.

Import this only once a reactor is installed: txredisapi takes the global one as it is imported.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults

from gwt.redis.address import Address
from gwt.redis.client import Client, Listener, ResponseError
from gwt.redis.commits import SCRIPT as COMMIT
from gwt.redis.commits import words
from gwt.redis.endpoint import endpoint_of
from gwt.redis.layout import READ, STATE, Layout, sha
from gwt.store.base import StoreError
from gwt.store.commit import REMEMBERED, Commit, Conflict, Fenced, Revision, read_revision
from gwt.store.follow import PARTS, Question, State, read_change
from gwt.store.reader import Found, Told

#: Entries of one commit: what is more would keep others waiting.
MOST: Final = 500

_SHA = sha(READ)


class RedisReader:
    """See `gwt.store.reader.Reader`. Raises OSError or ValueError where the address can't be used."""

    counted = True
    most = MOST

    def __init__(self, reactor: Any, address: Address) -> None:
        self._layout = Layout(address.prefix)
        endpoint = endpoint_of(address, reactor)
        self._client = Client(reactor, endpoint, address, self._up)
        self._listener = Listener(reactor, endpoint, address, self._layout.channel, self._heard, self._up)
        self._store: Told | None = None

    def start(self, store: Told) -> None:
        self._store = store
        self._client.start()
        self._listener.start()

    def stop(self) -> Deferred[Any]:
        self._store = None
        return gatherResults([self._client.stop(), self._listener.stop()])

    def state(self) -> Deferred[State]:
        self._listener.check()
        return self._read(self._client.ask(b"MGET", *self._layout.state), _state)

    def read(self, question: Question) -> Deferred[tuple[State, Found]]:
        names = [name.encode() for name in question.names or ()]
        hashes = PARTS[question.part]
        keys = self._layout.read(hashes)
        words = [b"%d" % len(keys), *keys, *names]
        asked = self._client.ask(b"EVALSHA", _SHA, *words)
        asked.addErrback(self._unknown, words)
        return self._read(asked, _found, hashes, [name.decode() for name in names])

    def commit(self, commit: Commit) -> Deferred[int]:
        remembered = REMEMBERED if commit.part == "routes" else 0
        arguments = words(self._layout, commit, secrets.token_hex(8), remembered)
        return self._read(self._client.ask(b"EVAL", COMMIT, *arguments), _outcome)

    def history(self) -> Deferred[list[Revision]]:
        return self._read(self._client.ask(b"HVALS", self._layout.key("history")), _revisions)

    def entry(self, hash_: str, name: str) -> Deferred[bytes | None]:
        return self._read(self._client.ask(b"HGET", self._layout.key(hash_), name.encode()), _entry)

    def holds(self, part: str, rev: int, revs: Mapping[str, int]) -> bool:
        return revs.get(part, -1) >= rev

    def expected(self, part: str, revs: Mapping[str, int]) -> int:
        return revs.get(part, -1)

    def revision(self, revs: Mapping[str, int]) -> int:
        return revs.get("routes", 0)

    def _unknown(self, failure: Any, words: list[bytes]) -> Any:
        """Redis has forgotten the script, or never had it."""
        if failure.check(ResponseError) and str(failure.value).startswith("NOSCRIPT"):
            return self._client.ask(b"EVAL", READ, *words)
        return failure

    def _read(self, asked: Deferred[Any], read: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        """What `read` makes of the reply. Fails with what it raises, or StoreError."""
        return asked.addErrback(self._failed).addCallback(_understood, read, *arguments)

    def _failed(self, failure: Any) -> Any:
        raise StoreError(f"Redis can't be read: {failure.getErrorMessage()}") from None

    def _up(self) -> None:
        if self._store is not None and self._client.up and self._listener.up:
            self._store.follow_from()

    def _heard(self, message: str) -> None:
        change = read_change(message)
        if change is not None and self._store is not None:
            self._store.heard(change)


def _understood(reply: Any, read: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return read(reply, *arguments)
    except (TypeError, ValueError, AttributeError):
        raise StoreError(f"Redis can't be read: it answers {reply!r:.100}") from None


def _entry(reply: Any) -> bytes | None:
    if reply is not None and not isinstance(reply, bytes):
        raise TypeError
    return reply


def _outcome(reply: Any) -> int:
    """What the script of commits says. Raises Conflict, Fenced, StoreError."""
    match reply:
        case [b"ok", int(rev)]:
            return rev
        case [b"conflict", int(rev)]:
            raise Conflict(rev)
        case [b"fenced", int(epoch)]:
            raise Fenced(epoch)
    raise StoreError(f"Redis can't be written to: it answers {reply!r}")


def _revisions(reply: Any) -> list[Revision]:
    found = []
    for raw in reply:
        with suppress(ValueError):  # somebody else's idea of a revision
            found.append(read_revision(raw))
    return sorted(found, key=lambda one: one.rev)


def _state(reply: Any) -> State:
    id_, format_, *counted = (None if one is None else one.decode("utf-8", "replace") for one in reply)
    revs = dict(zip(PARTS, map(_number, counted), strict=True))
    return State("" if id_ is None and any(revs.values()) else id_, format_, revs)


def _number(written: str | None) -> int:
    if written is None:
        return 0
    if not written.isdecimal():
        raise StoreError(f"Redis holds a revision that is no number: {written[:40]!r}")
    return int(written)


def _found(reply: Any, hashes: tuple[str, ...], names: list[str]) -> tuple[State, Found]:
    found: dict[str, dict[str, bytes | None]] = {}
    for hash_, values in zip(hashes, reply[len(STATE) :], strict=True):
        if names:
            found[hash_] = dict(zip(names, values, strict=True))
        else:
            pairs = iter(values)
            found[hash_] = {name.decode("utf-8", "replace"): value for name, value in zip(pairs, pairs, strict=True)}
    return _state(reply[: len(STATE)]), found
