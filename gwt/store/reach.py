"""Reach: commits that were made, and are waited for until whoever made them knows of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred

#: Seconds for which a commit is waited for: a store may stand still for a moment, and clients of the admin API wait
#: longer than this for their answer (gwt.cli.live 10, gwt.admin.site 60).
REACH: Final = 5.0

#: Whether `revs`, by part, have in them what a commit to a part has made a revision of; see `Reader.holds`.
Holds = Callable[[str, int, Mapping[str, int]], bool]


class Reach:
    """`holds` judges; `clock` is IReactorTime."""

    def __init__(self, holds: Holds, clock: Any) -> None:
        self._holds, self._clock = holds, clock
        self._waiting: list[tuple[str, int, Deferred[int]]] = []

    def wait(self, rev: int, part: str) -> Deferred[int]:
        """Fires with `rev` once `release` was told of revisions that hold it, or after REACH seconds."""
        done: Deferred[int] = Deferred()
        self._waiting.append((part, rev, done))
        return done.addTimeout(REACH, self._clock, lambda result, _: rev)

    def release(self, revs: Mapping[str, int]) -> None:
        """These are known now."""
        waiting, self._waiting = self._waiting, []
        for part, rev, done in waiting:
            if done.called:
                continue
            if self._holds(part, rev, revs):
                done.callback(rev)
            else:
                self._waiting.append((part, rev, done))
