"""Whatever an API server loses, repeats or reorders, a reflector ends with the objects that the server has."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gwt.kube.reflector import Follow, Get, Reflector, Unreadable, Wait
from gwt.kube.resource import SERVICES

NAMES = st.sampled_from("abcdef")
END = "k8s.io/initial-events-end"


class Server:
    """Objects, their history, and answers as a real one gives them."""

    def __init__(self) -> None:
        self.rev, self.objects, self.log = 10, dict[str, dict[str, Any]](), list[tuple[int, dict[str, Any]]]()
        self.forgotten, self.uids = 0, 0
        self.lies = False

    def put(self, name: str) -> None:
        known = self.objects.get(name)
        self.rev += 1
        self.uids += known is None
        uid = known["metadata"]["uid"] if known else f"u{self.uids}"
        self.objects[name] = obj(name, self.rev, uid)
        self.log.append((self.rev, {"type": "MODIFIED" if known else "ADDED", "object": self.objects[name]}))

    def delete(self, name: str) -> None:
        value = self.objects.pop(name, None)
        if value is not None:
            self.rev += 1
            gone = obj(name, self.rev, value["metadata"]["uid"])
            self.log.append((self.rev, {"type": "DELETED", "object": gone}))

    def page(self, path: str) -> dict[str, Any]:
        query = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
        names = [name for name in sorted(self.objects) if name > query.get("continue", "")]
        if "fieldSelector" in query:
            names = [name for name in names if query["fieldSelector"].startswith(f"metadata.name={name},")]
        names = [] if self.lies else names
        page = names[: min(int(query.get("limit", 99)), 2)]
        more = {"continue": page[-1]} if len(page) < len(names) else {}
        return {"metadata": {"resourceVersion": str(self.rev), **more}, "items": [self.objects[one] for one in page]}

    def lines(self, path: str) -> list[dict[str, Any]]:
        """What a watch that begins now sends at once."""
        query = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
        if "sendInitialEvents" in query:
            first = [{"type": "ADDED", "object": value} for value in self.objects.values() if not self.lies]
            return [*first, bookmark(self.rev, {END: "true"})]
        begin = int(query["resourceVersion"])
        if begin < self.forgotten:
            return [{"type": "ERROR", "object": {"code": 410, "message": "too old"}}]
        return [line for rev, line in self.log if rev > begin]


def obj(name: str, rev: int, uid: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "n", "resourceVersion": str(rev), "uid": uid}}


def bookmark(rev: int, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    metadata = {"resourceVersion": str(rev), "annotations": annotations or {}}
    return {"type": "BOOKMARK", "object": {"metadata": metadata}}


class Following(RuleBasedStateMachine):
    """`lines`: what is on its way in the watch that is open, None where none is."""

    @initialize(seed=st.integers(0, 9), streams=st.booleans())
    def begin(self, seed: int, streams: bool) -> None:
        self.server, self.streams = Server(), streams
        self.told: dict[str, Any] = {}
        self.now, self.sent = 0.0, 0
        self.lines: list[dict[str, Any]] | None = None
        self.lossy = False
        self.waited: list[float] = []
        self.reflector = Reflector(SERVICES, lambda value: value["metadata"], self.changed, random.Random(seed).random)

    def changed(self, key: str, before: Any, after: Any) -> None:
        assert self.told.get(key) == before
        if after is None:
            del self.told[key]
        else:
            self.told[key] = after

    # -- the world

    @rule(name=NAMES)
    def put(self, name: str) -> None:
        self.server.put(name)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        self.server.delete(name)

    @rule()
    def forget(self) -> None:
        self.server.forgotten = self.server.rev

    @rule(keep=st.integers(0, 6))
    def restore(self, keep: int) -> None:
        """The server's data are replaced by an older copy; nobody can tell once it has come as far again."""
        self.server.rev = max(self.server.rev - keep, 10)
        self.server.log = [one for one in self.server.log if one[0] <= self.server.rev]
        kept: dict[str, Any] = {}
        for _, line in self.server.log:
            name = line["object"]["metadata"]["name"]
            kept.pop(name, None)
            if line["type"] != "DELETED":
                kept[name] = line["object"]
        self.server.objects = kept
        self.lossy = self.lossy or keep > 0
        self.cut()

    @rule()
    def lie(self) -> None:
        """The next list is empty; one who doubts that is not lied to again."""
        self.server.lies = not self.reflector._doubted

    # -- the connection

    @rule()
    def step(self) -> None:
        if self.lines is None:
            self.ask(self.reflector.step())
        else:
            self.deliver()

    def ask(self, step: Wait | Get | Follow) -> None:
        self.server.lies = self.server.lies and not self.reflector._doubted  # who has come to doubt since, neither
        if isinstance(step, Wait):
            self.waited.append(step.seconds)
            self.now += step.seconds
        elif isinstance(step, Get):
            self.reflector.page(self.server.page(step.path), self.now)
            self.server.lies = False
        elif "sendInitialEvents" in step.path and not self.streams:
            self.reflector.refused(422, self.now)
        else:
            self.lines, self.sent = self.server.lines(step.path), self.server.rev
            self.server.lies = False

    def deliver(self) -> None:
        assert self.lines is not None
        self.lines += [line for rev, line in self.server.log if rev > self.sent]
        self.sent = max(self.sent, self.server.rev)
        if self.lines and not self.reflector.event(self.lines.pop(0), self.now):
            self.lines = None

    @rule(clean=st.booleans(), lived=st.sampled_from([0.0, 60.0]))
    def cut(self, clean: bool = False, lived: float = 60.0) -> None:
        if self.lines is not None:
            self.lines = None
            self.reflector.ended(self.now, lived, clean)

    @rule(status=st.sampled_from([400, 401, 403, 404, 410, 429, 500, 504]))
    def refuse(self, status: int) -> None:
        if self.lines is None and not isinstance(self.reflector.step(), Wait):
            self.reflector.refused(status, self.now, 1.0)

    @rule()
    def unreachable(self) -> None:
        if self.lines is None and not isinstance(self.reflector.step(), Wait):
            self.reflector.failed(self.now, "refused")

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        if self.lines is not None and self.server.log:
            self.lines.insert(0, data.draw(st.sampled_from(self.server.log))[1])
            self.lossy = self.lossy or not self.reflector.synced or self.reflector._mode == "sync"

    @rule()
    def reorder(self) -> None:
        if self.lines is not None and len(self.lines) > 1 and self.reflector._mode == "watch":
            self.lines.reverse()
            self.lossy = True

    @rule()
    def lose(self) -> None:
        if self.lines and self.reflector._mode == "watch":
            self.lines.pop(0)
            self.lossy = True

    @rule(line=st.sampled_from([{}, {"type": "ADDED"}, {"type": "ADDED", "object": {"metadata": {}}}, {"type": "X"}]))
    def garbage(self, line: dict[str, Any]) -> None:
        if self.lines is not None:
            try:
                self.reflector.event(line, self.now)
            except Unreadable as error:
                self.lines = None
                self.reflector.failed(self.now, str(error))

    # -- what holds

    @invariant()
    def what_was_told_is_what_is_held(self) -> None:
        if hasattr(self, "reflector"):
            assert self.told == {key: held.value for key, held in self.reflector.objects.items()}

    def teardown(self) -> None:
        if not hasattr(self, "reflector"):
            return
        if self.lossy:
            if self.lines is not None:
                self.lines = None
                self.reflector.ended(self.now, 60.0)
            self.server.rev += 1
            self.server.forgotten = self.server.rev
            self.ask_until_quiet(410)
        self.ask_until_quiet(None)
        assert {key.partition("/")[2] for key in self.told} == self.server.objects.keys()
        assert self.told == {f"n/{name}": value["metadata"] for name, value in self.server.objects.items()}
        assert all(0 <= wait <= 60 for wait in self.waited)

    def ask_until_quiet(self, refusal: int | None) -> None:
        """The server is well from now on."""
        if refusal is not None:
            while isinstance(step := self.reflector.step(), Wait):
                self.now += step.seconds
            self.reflector.refused(refusal, self.now)
        for _ in range(200):
            if self.lines is None:
                self.ask(self.reflector.step())
            else:
                self.deliver()
                if self.lines == [] and self.reflector._mode == "watch":
                    return
        raise AssertionError("it never comes to rest")


TestFollowing = Following.TestCase
TestFollowing.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
