"""Telling: each ConfigMap once, and again where it failed."""

from __future__ import annotations

from typing import Any

import pytest
from controller.asked import GONE, PlayedApi
from twisted.internet.task import Clock

from gwt.controller.maps import Map
from gwt.controller.messenger import RETRY
from gwt.controller.status import Status
from gwt.controller.telling import FORBIDDEN, Telling

STATUS = Status('{"accepted": 1}', False, "1 Routes are in force")


class Rig:
    def __init__(self, *answers: Any, status: str | None = None) -> None:
        self.answers, self.clock, self.may = list(answers), Clock(), True
        self.api: Any = PlayedApi(lambda *_: self.answers.pop(0))
        self.maps = {"n/m": Map("n", "m", "u", "", {}, {}, status)}
        self.telling = Telling(self.clock, self.api, self.maps, lambda: self.may, lambda: 0.0)

    @property
    def asked(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path, _ in self.api.asked]


PATCHED = ("PATCH", "/api/v1/namespaces/n/configmaps/m")
TOLD = ("POST", "/api/v1/namespaces/n/events")


def test_annotation_and_event() -> None:
    rig = Rig((200, {}), (201, {}))
    rig.telling.tell({"n/m": STATUS})
    assert rig.asked == [PATCHED, TOLD]
    assert rig.api.asked[0][2] == {"metadata": {"annotations": {"gwt.io/status": STATUS.text}}}
    assert rig.api.asked[1][2]["firstTimestamp"] == "1970-01-01T00:00:00Z"


def test_what_is_wrong_is_told_first() -> None:
    rig = Rig((200, {}), (201, {}), (200, {}), (201, {}))
    rig.maps["n/bad"] = Map("n", "bad", "u", "", {}, {}, None)
    rig.telling.tell({"n/m": STATUS, "n/bad": Status('{"accepted": 0}', True, "none")})
    assert [path.rpartition("/")[2] for method, path in rig.asked if method == "PATCH"] == ["bad", "m"]


def test_what_stands_there_already_is_not_told() -> None:
    rig = Rig(status=STATUS.text)
    rig.telling.tell({"n/m": STATUS, "n/gone": STATUS})
    assert rig.asked == []


@pytest.mark.parametrize("trouble", [GONE, (500, {}), (429, {}), (401, {}), (403, {})])
def test_it_is_tried_again(trouble: Any) -> None:
    rig = Rig(trouble, (200, {}), (201, {}))
    rig.telling.tell({"n/m": STATUS})
    assert rig.asked == [PATCHED]
    rig.clock.advance(RETRY)
    assert rig.asked == [PATCHED, PATCHED, TOLD]


@pytest.mark.parametrize("status", [404, 422])
def test_what_will_never_work_is_left(status: int) -> None:
    rig = Rig((status, {}))
    rig.telling.tell({"n/m": STATUS})
    rig.clock.advance(RETRY)
    assert rig.asked == [PATCHED]


def test_what_is_forbidden_holds_nobody_up_and_is_left_in_the_end() -> None:
    rig = Rig((403, {}), (403, {}), (200, {}), (403, {}), (403, {}))
    rig.maps["n/other"] = rig.maps["n/m"]._replace(name="other")
    rig.telling.tell({"n/m": STATUS, "n/other": STATUS})
    for _ in range(FORBIDDEN + 1):
        rig.clock.advance(RETRY)
    paths = [path.rpartition("/")[2] for _, path in rig.asked]
    assert paths == ["m", "m", "other", "events", "m"]


def test_only_who_leads_tells() -> None:
    rig = Rig()
    rig.may = False
    rig.telling.tell({"n/m": STATUS})
    rig.telling.stop()
    assert rig.asked == []


def test_who_removes_what_was_told_is_told_again() -> None:
    rig = Rig((200, {}), (201, {}), status=STATUS.text)
    rig.telling.tell({"n/m": STATUS})
    rig.telling.look("n/m")
    assert rig.asked == []
    rig.maps["n/m"] = rig.maps["n/m"]._replace(status=None)
    rig.telling.look("n/m")
    assert rig.asked == [PATCHED, TOLD]


@pytest.mark.parametrize("trouble", [GONE, (500, {}), (429, {}), (401, {})])
def test_an_event_that_failed_is_tried_again_without_another_patch(trouble: Any) -> None:
    rig = Rig((200, {}), trouble, (201, {}))

    def play(method: str, *_: Any) -> Any:
        if method == "PATCH":  # the watch is quicker than the answer
            rig.maps["n/m"] = rig.maps["n/m"]._replace(status=STATUS.text)
            rig.telling.look("n/m")
        return rig.answers.pop(0)

    rig.api.play = play
    rig.telling.tell({"n/m": STATUS})
    assert rig.asked == [PATCHED, TOLD]
    rig.telling.tell({"n/m": STATUS})
    rig.clock.advance(RETRY)
    assert rig.asked == [PATCHED, TOLD, TOLD]
    rig.telling.tell({"n/m": STATUS})
    rig.clock.advance(RETRY)
    assert rig.asked == [PATCHED, TOLD, TOLD] and not rig.clock.getDelayedCalls()


def test_an_event_that_is_refused_for_good_is_left() -> None:
    rig = Rig((200, {}), (403, {}))
    rig.telling.tell({"n/m": STATUS})
    rig.clock.advance(RETRY)
    assert rig.asked == [PATCHED, TOLD]


def test_what_is_another_by_then_is_told_instead() -> None:
    rig = Rig((200, {}), (500, {}), (200, {}), (201, {}))
    rig.telling.tell({"n/m": STATUS})
    rig.maps["n/m"] = rig.maps["n/m"]._replace(status=STATUS.text)
    rig.telling.tell({"n/m": Status("other", True, "bad")})
    rig.clock.advance(RETRY)
    assert rig.asked == [PATCHED, TOLD, PATCHED, TOLD]
    assert rig.api.asked[3][2]["message"] == "bad"


def test_the_end() -> None:
    rig = Rig(GONE)
    rig.telling.tell({"n/m": STATUS})
    rig.telling.stop()
    assert not rig.clock.getDelayedCalls()
