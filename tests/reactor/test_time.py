"""Delayed calls are waited for, not polled for."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred


def test_a_fraction_of_a_millisecond_is_slept_through(stage: Any, monkeypatch: Any) -> None:
    woken: list[None] = []
    run = stage.reactor.runUntilCurrent

    def counted() -> None:
        woken.append(None)
        run()

    monkeypatch.setattr(stage.reactor, "runUntilCurrent", counted)

    async def story() -> int:
        del woken[:]
        for delay in (0.0004, 0.0012, 0.0024, 0.0063) * 5:
            over: Deferred[None] = Deferred()
            stage.reactor.callLater(delay, over.callback, None)
            await over
        return len(woken)

    assert stage.play(story) <= 3 * 20
