"""The tree of the admin listener: which path is answered by what, for whom, and by which methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from gwt.admin.answers import Reply, failed
from gwt.admin.flow import Flow
from gwt.admin.guard import ADMIN, Asking, Guard

READING = ("GET", "HEAD")


class BadQuery(ValueError):
    """A question that can't be understood, in words for people."""


@dataclass(frozen=True, slots=True)
class Question:
    """`name` is what comes after the path of the entry ("" for nothing); `query` maps names to their values.

    `match` is If-Match (None: there is none).
    """

    name: str
    query: dict[str, list[str]]
    method: str = "GET"
    body: bytes = b""
    match: str | None = None

    def one(self, key: str, default: str | None = None) -> str | None:
        """The first value of `key`."""
        return self.query.get(key, [default])[0]

    def number(self, key: str, most: int) -> int | None:
        """`key` as a number from 1 to `most`, None where it is not given. BadQuery."""
        text = self.one(key)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most and len(text) < 9):
            raise BadQuery(f"{key}: a number from 1 to {most}, not {text!r}")
        return int(text)


Answer = Callable[[Question], "Reply | Deferred[Reply]"]


@dataclass(frozen=True, slots=True)
class Entry:
    """`level` says who may ask; `named`: something may follow the path; `methods` are those it answers."""

    path: str
    help: str
    answer: Answer
    level: str = ADMIN
    named: bool = False
    methods: Sequence[str] = READING


@implementer(IResource)
class Tree:
    """The root resource. `guard` may be replaced at any time."""

    isLeaf = True

    def __init__(self, entries: Sequence[Entry], guard: Guard, clock: Any) -> None:
        self._entries = {entry.path: entry for entry in entries}
        self.guard, self._clock = guard, clock

    def getChildWithDefault(self, name: bytes, request: Any) -> Any:
        return self

    def putChild(self, path: bytes, child: Any) -> None:
        raise TypeError("the admin listener's tree is fixed")

    def render(self, request: Any) -> Any:
        segments = [segment.decode("utf-8", "replace") for segment in request.postpath]
        entry, name = self._find(segments)
        refused = self.guard.refusal(ADMIN if entry is None else entry.level, asking(request))
        if refused is not None:
            challenge = {"WWW-Authenticate": 'Bearer realm="gwt"'} if refused.status == 401 else {}
            self._send(request, failed(refused.status, refused.code, refused.message, challenge))
        elif request.too_large:
            self._send(request, failed(413, "too_large", "the request's body is too large"))
        elif entry is None:
            self._send(request, self._unknown("/".join(segments)))
        elif request.method.decode("latin-1") not in entry.methods:
            self._send(request, _refused(entry, request.method.decode("latin-1")))
        else:
            self._answer(request, entry, name)
        return NOT_DONE_YET

    def _find(self, segments: list[str]) -> tuple[Entry | None, str]:
        """The entry of a path, and what follows it."""
        for length in range(1, 4):
            entry = self._entries.get("/".join(segments[:length]))
            rest = "/".join(segments[length:])
            if entry is not None and (not rest or entry.named):
                return entry, rest
        return None, ""

    def _answer(self, request: Any, entry: Entry, name: str) -> None:
        try:
            query = {_text(key): [_text(value) for value in values] for key, values in request.args.items()}
            match = request.getHeader(b"if-match")
            question = Question(
                name, query, _text(request.method), request.content.read(), None if match is None else _text(match)
            )
            answer: Deferred[Any] = maybeDeferred(entry.answer, question)
        except UnicodeDecodeError:
            self._send(request, failed(400, "bad_request", "the request is not UTF-8"))
            return
        gone: list[Any] = []
        request.notifyFinish().addErrback(gone.append).addCallback(lambda _: answer.cancel() if gone else None)
        answer.addErrback(lambda failure: failed(400, "bad_request", str(failure.value))
                          if failure.check(BadQuery) else failure)  # fmt: skip
        answer.addCallback(lambda reply: None if gone else self._send(request, reply))
        answer.addErrback(lambda failure: None if failure.check(CancelledError) else _broken(request, failure))

    def _send(self, request: Any, reply: Reply) -> None:
        request.setResponseCode(reply.status)
        request.setHeader(b"content-type", reply.kind.encode())
        for name, value in reply.headers.items():
            request.setHeader(name.encode(), value.encode())
        if reply.etag is not None and request.setETag(f'"{reply.etag}"'.encode()):
            request.finish()  # 304, or 412
            return
        if request.method == b"HEAD":
            request.finish()
            return
        Flow(request, reply.parts(), self._clock).start()

    def _unknown(self, path: str) -> Reply:
        there = {"/" + entry.path + ("[/NAME]" if entry.named else ""): entry.help for entry in self._entries.values()}
        return failed(404, "not_found", f"there is no /{path} here", paths=there)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8")


def _refused(entry: Entry, method: str) -> Reply:
    allow = {"Allow": ", ".join(entry.methods)}
    only = "it can only be read" if entry.methods is READING else f"use {' or '.join(entry.methods)}"
    return failed(405, "method", f"{method} is not for /{entry.path}: {only}", allow)


def _broken(request: Any, failure: Any) -> None:
    request.processingFailed(failure)


def asking(request: Any) -> Asking:
    """What the guard asks of a request."""
    host = request.getHost()
    listener = None if isinstance(host, UNIXAddress) else str(getattr(host, "host", ""))
    values = {name: request.getHeader(name) for name in ("host", "authorization", "origin")}
    return Asking(request.method, values["host"], values["authorization"], values["origin"], listener)
