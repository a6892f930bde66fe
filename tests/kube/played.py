"""An API server that is played on a Clock: what `gwt.controller.api.Api` is to a controller, without a socket.

Objects, revisions and their log are those of `ApiServer`; nothing happens in threads, and nothing by chance.

    cluster = Played()
    api = PlayedApi(cluster, clock)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from kube.apiserver import END, PREFIXES, ApiServer, event_of, key_of, shows, status
from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from gwt.controller.api import IDLE, Answer, Ending
from gwt.controller.bodies import ApiError
from gwt.kube.config import Cluster

#: Seconds for a question to come there, and its answer back; and of an event.
WAY: Final = 0.004

#: Seconds between two bookmarks.
BOOKMARK: Final = 60.0


class Played(ApiServer):
    """`held`: plurals whose events are on their way for longer. `down`: nobody answers. `lies`: plurals whose next list
    is empty. `tear`: the next events of watches are cut in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.watches: list[Stream] = []
        self.held: set[str] = set()
        self.lies: list[str] = []
        self.down = self.tear = False
        self.born = 0

    def put(self, plural: str, value: Any) -> Any:
        """As a server does: an object is born once, and no two at the same time."""
        self.born += 1
        key = key_of(value)
        known = self.objects[plural].get(key)
        stamp = f"2026-01-01T00:00:00.{self.born:06}Z" if known is None else known["metadata"]["creationTimestamp"]
        return super().put(plural, {**value, "metadata": {**value["metadata"], "creationTimestamp": stamp}})

    def _note(self, plural: str, before: Any, after: Any) -> None:
        super()._note(plural, before, after)
        for one in self.watches:
            one.soon()

    def release(self) -> None:
        """What was on its way comes."""
        self.held.clear()
        for one in self.watches:
            one.soon()

    def repeat(self, events: int) -> None:
        """The last events come once more."""
        for one in self.watches:
            one.at = max(one.begun, one.at - events)
            one.soon()

    def break_off(self, clean: bool) -> None:
        """All watches end."""
        for one in list(self.watches):
            one.end(Ending("clean" if clean else "broken", one.lived))

    def scold(self, code: int) -> None:
        """All watches are told of an error."""
        for one in list(self.watches):
            one.say({"type": "ERROR", "object": status(code, "that is how it is")})

    # -- what it answers

    def answer(self, method: str, path: str, body: bytes | None) -> tuple[int, Any]:
        """Status and value."""
        parts = urlsplit(path)
        plural, namespace, name = _place(parts.path)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        if (fault := self.fault(path)) is not None:
            return fault[0], status(fault[0])
        if method == "GET" and name is None:
            return 200, self._page(plural, namespace, query)
        key = f"{namespace}/{name}"
        known = self.objects[plural].get(key)
        if method == "GET":
            return (404, status(404)) if known is None else (200, known)
        value = json.loads(body or b"null")
        if method == "POST":
            value["metadata"]["namespace"] = namespace
            taken = key_of(value) in self.objects[plural]
            return (409, status(409)) if taken else (201, self.put(plural, value))
        if known is None:
            return 404, status(404)
        if method == "PUT":
            same = value["metadata"].get("resourceVersion") == known["metadata"]["resourceVersion"]
            return (200, self.put(plural, value)) if same else (409, status(409))
        metadata = {**known["metadata"]}
        metadata["annotations"] = {**metadata.get("annotations", {}), **value["metadata"]["annotations"]}
        return 200, self.put(plural, {**known, "metadata": metadata})

    def _page(self, plural: str, namespace: str | None, query: dict[str, str]) -> Any:
        found = self.selected(plural, namespace, query.get("labelSelector"), query.get("fieldSelector", ""))
        if plural in self.lies:
            self.lies.remove(plural)
            found = []
        left = [one for one in found if key_of(one) > query.get("continue", "")]
        items = left[:2]  # a page is as long as the server likes
        more = {"continue": key_of(items[-1])} if len(items) < len(left) else {}
        return {"metadata": {"resourceVersion": str(self.rev), **more}, "items": items}


def _place(path: str) -> tuple[str, str | None, str | None]:
    plural = next(one for one in PREFIXES if f"/{one}" in path)
    rest = path.removeprefix(PREFIXES[plural]).strip("/").split("/")
    name = rest[rest.index(plural) + 1] if len(rest) > rest.index(plural) + 1 else None
    return plural, rest[1] if rest[0] == "namespaces" else None, name


class PlayedApi:
    """What one controller, of `clock`, has of `cluster`. `apart`: it can't be reached from here."""

    def __init__(self, cluster: Played, clock: Any) -> None:
        self.played, self.clock, self.apart = cluster, clock, False
        self.cluster = Cluster("http://played", "n")

    def ask(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/json", timeout: float = 30.0
    ) -> Deferred[Answer]:
        done: Deferred[Answer] = Deferred(lambda _: call.cancel() if call.active() else None)
        call = self.clock.callLater(WAY, self._asked, done, method, path, body)
        return done

    def _asked(self, done: Deferred[Answer], *question: Any) -> None:
        if self.played.down or self.apart:
            done.errback(ApiError("nobody answers"))
            return
        code, value = self.played.answer(*question)
        done.callback(Answer(code, json.dumps(value).encode(), 1.0 if code == 429 else 0.0))

    def follow(self, path: str, heard: Callable[[bytes], bool]) -> Deferred[Ending]:
        if self.played.down or self.apart:
            return fail(ApiError("nobody answers"))
        stream = Stream(self, path, heard)
        return stream.done

    def close(self) -> Deferred[None]:
        for one in [one for one in self.played.watches if one.api is self]:
            one.end(Ending("left"))
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done


class Stream:
    """A watch: what it has still to tell of stands in the log from `at` on."""

    def __init__(self, api: PlayedApi, path: str, heard: Callable[[bytes], bool]) -> None:
        self.api, self._heard, self._played, self._clock = api, heard, api.played, api.clock
        parts = urlsplit(path)
        self._plural, self._namespace, _ = _place(parts.path)
        self._query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        self._label = self._query.get("labelSelector")
        self._since = self._last = self._clock.seconds()
        self._calls: dict[str, Any] = {}
        self.at = self.begun = len(self._played.log)
        self.done: Deferred[Ending] = Deferred(lambda _: self._leave())
        self._played.watches.append(self)
        self._later("begin", WAY, self._begin)

    @property
    def lived(self) -> float:
        return float(self._clock.seconds() - self._since)

    @property
    def _stuck(self) -> bool:
        return self._plural in self._played.held or self.api.apart or self._played.down

    def soon(self) -> None:
        """There is something to tell."""
        self._later("pump", WAY, self._pump)

    def end(self, how: Ending) -> None:
        """It is over."""
        if self._leave():
            self.done.callback(how)

    def say(self, line: Any) -> bool:
        """Whether that is wanted, and more."""
        raw = json.dumps(line).encode()
        if self._played.tear:
            self._played.tear = False
            raw = raw[: len(raw) // 2]
        self._last = self._clock.seconds()
        try:
            wanted = self._heard(raw)
        except Exception:
            failure = Failure()
            if self._leave():
                self.done.errback(failure)
            return False
        if not wanted:
            self.end(Ending("left", self.lived))
        return wanted

    def _begin(self) -> None:
        if self._played.down or self.api.apart:
            if self._leave():
                self.done.errback(ApiError("nobody answers"))
            return
        if (fault := self._played.fault(f"/{self._plural}?")) is not None:
            self._refuse(fault[0])
            return
        self._later("over", float(self._query.get("timeoutSeconds", 300)), self._over)
        self._later("idle", IDLE, self._idle)
        self._later("bookmark", BOOKMARK, self._bookmark)
        if "sendInitialEvents" in self._query:
            self._initial()
            return
        rev = int(self._query["resourceVersion"])
        if rev < self._played.forgotten:
            self.say({"type": "ERROR", "object": status(410, "too old resource version")})
            self.end(Ending("clean", self.lived))
            return
        self.at = self.begun = next((n for n, one in enumerate(self._played.log) if one[0] > rev), self.begun)
        self._pump()

    def _refuse(self, code: int) -> None:
        self.end(Ending("refused", 0.0, Answer(code, json.dumps(status(code)).encode(), 1.0 if code == 429 else 0.0)))

    def _initial(self) -> None:
        if not self._played.streams:
            self._refuse(422)
            return
        self.at = self.begun = len(self._played.log)
        found = self._played.selected(self._plural, self._namespace, self._label)
        if self._plural in self._played.lies:
            self._played.lies.remove(self._plural)
            found = []
        for value in found:
            if not self.say({"type": "ADDED", "object": value}):
                return
        self._tell_revision({END: "true"})

    def _pump(self) -> None:
        while self.at < len(self._played.log) and not self._stuck and not self.done.called:
            rev, plural, *states = self._played.log[self.at]
            self.at += 1
            if plural != self._plural:
                continue
            shown = (one if shows(one, self._namespace, self._label) else None for one in states)
            event = event_of(rev, *shown)
            if event is not None:
                self.say(event)

    def _tell_revision(self, annotations: dict[str, str]) -> None:
        rev = str(self._played.log[self.at - 1][0]) if 0 < self.at < len(self._played.log) else str(self._played.rev)
        self.say({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": rev, "annotations": annotations}}})

    def _bookmark(self) -> None:
        self._later("bookmark", BOOKMARK, self._bookmark)
        if not self._stuck:
            self._tell_revision({})

    def _idle(self) -> None:
        left = self._last + IDLE - self._clock.seconds()
        if left <= 0:
            self.end(Ending("silent", self.lived))
        else:
            self._later("idle", left, self._idle)

    def _over(self) -> None:
        self.end(Ending("clean", self.lived))

    def _later(self, what: str, seconds: float, call: Callable[[], None]) -> None:
        if what not in self._calls and self in self._played.watches:
            self._calls[what] = self._clock.callLater(seconds, self._due, what, call)

    def _due(self, what: str, call: Callable[[], None]) -> None:
        del self._calls[what]
        call()

    def _leave(self) -> bool:
        """Whether it was still there."""
        for call in self._calls.values():
            call.cancel()
        self._calls.clear()
        if self not in self._played.watches:
            return False
        self._played.watches.remove(self)
        return True
