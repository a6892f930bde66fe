"""dyups: the interface by which Tengine's upstreams are changed at run time, for scripts that speak it already.

POST /upstream/NAME takes `server 10.0.0.1:80 weight=2; server 10.0.0.2;`, DELETE takes it away, GET /upstream/NAME,
/list and /detail show what there is. Answers are plain text: `success` where something was done, else 404, or 400 with
a line that says why; 503 where the store can't be reached, since another try may do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks

from gwt.admin.answers import Reply
from gwt.admin.tree import Question
from gwt.balance.upstream import Upstream
from gwt.model import units
from gwt.snapshot import Snapshot

TEXT = "text/plain; charset=utf-8"

#: What gwt has no use for, and lets pass: it judges endpoints by itself.
_PASSED_OVER = re.compile(r"(?:max_fails|max_conns|slow_start)=\d+|fail_timeout=\d+[smh]?").fullmatch


def read_servers(text: str) -> list[dict[str, Any]]:
    """The endpoints of a body. Raises ValueError with one line for people."""
    commands = [command.split() for command in text.split(";")]
    endpoints = [_endpoint(words) for words in commands if words]
    if not endpoints:
        raise ValueError("no server: expected `server IP[:PORT] [weight=N]; ...`")
    return endpoints


def _endpoint(words: list[str]) -> dict[str, Any]:
    if words[0] != "server" or len(words) < 2:
        raise ValueError(f"expected `server IP[:PORT] [weight=N]`, got {' '.join(words)[:100]!r}")
    endpoint: dict[str, Any] = {"address": units.address(words[1], 80)}
    for word in words[2:]:
        name, equals, value = word.partition("=")
        if name == "weight" and equals and value.isdecimal():
            endpoint["weight"] = int(value)
        elif word == "down":
            endpoint["ready"] = endpoint["serving"] = False
        elif not _PASSED_OVER(word):
            raise ValueError(f"{word!r} is not known here: weight=N and down are")
    return endpoint


class Dyups:
    """`snapshot` gives what is in force, `change` puts or deletes an upstream as the admin API does."""

    def __init__(self, snapshot: Callable[[], Snapshot], change: Callable[[Question], Deferred[Reply]]) -> None:
        self._snapshot, self._change = snapshot, change

    @inlineCallbacks
    def upstream(self, question: Question) -> Any:
        """One upstream: shown, put, taken away."""
        if question.method in ("GET", "HEAD"):
            found = self._snapshot().upstreams.get(question.name)
            return _text(404, "") if found is None else _text(200, "".join(_servers(found)))
        if question.method == "POST":
            try:
                endpoints = read_servers(question.body.decode())
            except ValueError as error:
                return _text(400, f"{error}\n")
            body = json.dumps({"endpoints": endpoints}).encode()
            asked = Question(question.name, question.query, "PUT", body)
        else:
            asked = Question(question.name, question.query, "DELETE")
        return _outcome(question.name, (yield self._change(asked)))

    def list(self, question: Question) -> Reply:
        """The names of all upstreams."""
        names = sorted(key for key, one in self._snapshot().upstreams.items() if one.key == key)
        return Reply((f"{name}\n" for name in names), 200 if names else 204, TEXT)

    def detail(self, question: Question) -> Reply:
        """All upstreams and their servers."""
        found = [one for key, one in sorted(self._snapshot().upstreams.items()) if one.key == key]
        return Reply((part for one in found for part in _whole(one)), 200 if found else 204, TEXT)


def _outcome(name: str, reply: Reply) -> Reply:
    """What the admin API says of a change, to those who know no other answers than dyups gives."""
    if reply.status == 200:
        return _text(200, "success")
    message = reply.body["error_msg"]
    if reply.body["code"] == "kube":
        message = f"{name} is the controller's: delete its Service in Kubernetes, or POST servers of your own here"
    return _text(reply.status if reply.status in (404, 503) else 400, f"{message}\n")


def _whole(upstream: Upstream) -> Iterator[str]:
    yield f"{upstream.key}\n"
    yield from _servers(upstream)
    yield "\n"


def _servers(upstream: Upstream) -> Iterator[str]:
    for one in upstream.endpoints:
        yield f"server {one.address} weight={one.weight}{'' if one.ready else ' down'}\n"


def _text(status: int, text: str) -> Reply:
    return Reply((text,), status, TEXT)
