"""Health: whether this process should get traffic, and what it serves from; what /readyz tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Health:
    """Written by the gateway, read by the admin listener. Times are on the clock that `clock` reads, in seconds.

    `ready`: the first Snapshot is in force. `failing_since`: the store can't be read since then (what is in force
    stays, and so does readiness).
    """

    clock: Callable[[], float]
    store: str = ""
    ready: bool = False
    draining: bool = False
    revision: int = 0
    problems: int = 0
    refreshed_at: float | None = None
    failing_since: float | None = None
    failure: str | None = None
    started_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.started_at = self.clock()

    @property
    def serving(self) -> bool:
        """True where new traffic is welcome."""
        return self.ready and not self.draining

    def refreshed(self, revision: int, problems: int) -> None:
        """A Snapshot came into force."""
        self.revision, self.problems, self.refreshed_at = revision, problems, self.clock()

    def reached(self) -> None:
        """The store could be read."""
        self.failing_since = self.failure = None

    def failed(self, reason: str) -> None:
        """The store could not be read."""
        self.failure = reason
        if self.failing_since is None:
            self.failing_since = self.clock()

    def report(self) -> dict[str, Any]:
        """What /readyz answers: the state in a word, and by source how fresh it is."""
        state = "draining" if self.draining else "ready" if self.ready else "starting"
        now = self.clock()
        source: dict[str, Any] = {"ready": self.ready, "revision": self.revision, "problems": self.problems}
        if self.failing_since is not None:
            source.update(failing_for=round(now - self.failing_since, 3), failure=self.failure)
        return {"status": state, "sources": {self.store or "store": source}}
