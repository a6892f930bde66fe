"""Watching: what a Reflector asks for is done, and it is told what came of it."""

from __future__ import annotations

import json
from typing import Any

from controller.asked import GONE, PlayedApi
from twisted.internet.task import Clock

from gwt.controller.api import Answer, Ending
from gwt.controller.watching import Watching, message_of
from gwt.kube.reflector import Reflector
from gwt.kube.resource import SERVICES


class Rig:
    def __init__(self, *answers: Any) -> None:
        self.answers, self.clock, self.lines = list(answers), Clock(), list[str]()
        self.api: Any = PlayedApi(lambda *_: self.answers.pop(0))
        self.reflector = Reflector(SERVICES, lambda value: 1, lambda *_: None, lambda: 0.0, self.lines.append)
        self.watching = Watching(self.clock, self.api, self.reflector)
        self.watching.start()

    def line(self, **value: Any) -> bool:
        return bool(self.api.follows[-1][1](json.dumps(value).encode()))

    def end(self, ending: Any) -> None:
        _, _, deferred = self.api.follows[-1]
        (deferred.errback if isinstance(ending, Exception) else deferred.callback)(ending)

    @property
    def path(self) -> str:
        return str(self.api.follows[-1][0])


OBJECT = {"metadata": {"namespace": "n", "name": "a", "resourceVersion": "3"}}
BOOKMARK = {"resourceVersion": "7", "annotations": {"k8s.io/initial-events-end": "true"}}


def synced() -> Rig:
    rig = Rig()
    rig.line(type="ADDED", object=OBJECT)
    rig.line(type="BOOKMARK", object={"metadata": BOOKMARK})
    return rig


def test_a_watch_that_ends_is_taken_up_where_it_was() -> None:
    rig = synced()
    assert rig.reflector.synced
    rig.end(Ending("clean", 300.0))
    assert "resourceVersion=7" in rig.path


def test_refused_streams_become_lists() -> None:
    rig = Rig((200, {"metadata": {"resourceVersion": "5"}, "items": [OBJECT]}))
    rig.end(Ending("refused", 0.0, Answer(422, b"{}")))
    assert rig.reflector.synced and "resourceVersion=5" in rig.path


def test_a_watch_whose_token_is_refused_is_tried_again() -> None:
    rig = Rig()
    rig.end(Ending("refused", 0.0, Answer(401, b'{"message": "Unauthorized"}')))
    assert len(rig.api.follows) == 2
    assert rig.lines == ["services: the API server answers 401 Unauthorized"]


def test_nobody_there() -> None:
    rig = synced()
    rig.answers = [GONE, (200, {"metadata": {"resourceVersion": "8"}, "items": [OBJECT]})]
    rig.end(Ending("broken", 5.0))
    assert len(rig.api.follows) == 1
    rig.clock.advance(0.8)  # the probe fails
    rig.clock.advance(1.6)
    assert "resourceVersion=7" in rig.path


def test_silence_and_lines_that_are_none() -> None:
    rig = synced()
    rig.end(Ending("clean", 300.0))
    rig.end(Ending("silent", 100.0))
    assert "sendInitialEvents" in rig.path
    rig.end(GONE)
    rig.clock.advance(0.8)
    assert len(rig.api.follows) == 4


def test_a_page_that_is_none() -> None:
    rig = Rig((200, b"<html>"), (500, b""))
    rig.end(Ending("refused", 0.0, Answer(400, b"")))
    rig.clock.advance(0.8)
    assert "no JSON" in rig.lines[0] and "answers 500" in rig.lines[1]
    assert not rig.reflector.synced


def test_the_end() -> None:
    rig = synced()
    rig.watching.stop()
    assert len(rig.api.follows) == 1 and not rig.clock.getDelayedCalls()


def test_messages() -> None:
    assert [message_of(body) for body in (b'{"message": "no"}', b"x", b"{}")] == ["no", "", ""]
