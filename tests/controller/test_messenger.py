"""A messenger: one run of the work at a time, an end that holds, and the Events that it carries."""

from __future__ import annotations

from typing import Any

from controller.asked import GONE, PlayedApi
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from gwt.controller.bodies import ApiError
from gwt.controller.messenger import COMPONENT, RETRY, Messenger, is_final
from gwt.controller.secrets import Kept
from gwt.controller.status import certificate_notice

SECRET = Kept("n", "s", "u", "", {}, {})


class Rig:
    """The work notes that it runs, and waits for `gate`."""

    def __init__(self) -> None:
        self.clock, self.may, self.runs, self.gate = Clock(), True, 0, Deferred[None]()
        self.api: Any = PlayedApi(lambda *_: (201, {}))
        self.failures: list[Failure] = []
        may, failed = lambda: self.may, self.failures.append
        self.messenger = Messenger(self.clock, self.api, may, lambda: 0.0, self.work, failed)

    async def work(self) -> None:
        self.runs += 1
        await self.gate

    def open(self) -> None:
        gate, self.gate = self.gate, Deferred()
        gate.callback(None)


def test_one_run_at_a_time() -> None:
    rig = Rig()
    for runs in (1, 2):
        rig.messenger.wake()
        rig.messenger.wake()
        assert rig.runs == runs
        rig.open()


def test_it_goes_on_while_it_is_us_who_tells() -> None:
    rig = Rig()
    assert rig.messenger.goes_on
    rig.may = False
    assert not rig.messenger.goes_on


def test_the_end_breaks_off_what_is_under_way() -> None:
    rig = Rig()
    rig.messenger.wake()
    rig.messenger.stop()
    assert rig.gate.called and not rig.messenger.goes_on
    rig.messenger.wake()
    assert rig.runs == 1 and rig.failures == []


def test_a_bug_is_told_and_does_not_last() -> None:
    rig = Rig()
    rig.messenger.wake()
    rig.gate.errback(ValueError("odd"))
    assert [failure.type for failure in rig.failures] == [ValueError]
    rig.gate = Deferred()
    rig.messenger.wake()
    assert rig.runs == 2


def test_a_pause() -> None:
    rig = Rig()
    over = rig.messenger.pause()
    rig.clock.advance(RETRY - 1)
    assert not over.called
    rig.clock.advance(1)
    assert over.called


def test_a_pause_is_as_long_as_the_server_asks_for() -> None:
    rig = Rig()
    for after, pause in ((RETRY + 20, RETRY + 20), (1.0, RETRY), (0.0, RETRY)):
        rig.api.play = lambda *_, after=after: (429, {}, after)
        rig.messenger.ask("PATCH", "/x", b"{}")
        over = rig.messenger.pause()
        rig.clock.advance(pause - 0.5)
        assert not over.called
        rig.clock.advance(0.5)
        assert over.called


def test_who_can_not_be_asked_asks_for_nothing() -> None:
    rig = Rig()
    rig.api.play = lambda *_: (429, {}, 60.0)
    rig.messenger.ask("PATCH", "/x", b"{}")
    rig.api.play = lambda *_: GONE
    rig.messenger.ask("PATCH", "/x", b"{}").addErrback(lambda failure: failure.trap(ApiError))
    over = rig.messenger.pause()
    rig.clock.advance(RETRY)
    assert over.called


def test_an_event() -> None:
    rig = Rig()
    answers: list[int] = []
    for _ in range(2):
        rig.messenger.event("Secret", SECRET, certificate_notice(None)).addCallback(lambda a: answers.append(a.status))
    assert answers == [201, 201]
    (method, path, body), (_, _, other) = rig.api.asked
    assert (method, path) == ("POST", "/api/v1/namespaces/n/events")
    assert (body["involvedObject"]["kind"], body["reason"]) == ("Secret", "CertificateAccepted")
    assert (body["source"], body["firstTimestamp"]) == ({"component": COMPONENT}, "1970-01-01T00:00:00Z")
    assert body["metadata"]["name"] != other["metadata"]["name"]


def test_refusals_that_last() -> None:
    assert [status for status in (400, 401, 403, 404, 422, 429, 500, 503) if is_final(status)] == [400, 403, 404, 422]
