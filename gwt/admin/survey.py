"""Survey: what of a Snapshot's documents is not in force as it was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gwt.model.route import Problem, Quarantined
from gwt.snapshot import Snapshot
from gwt.steps import Steps

#: Documents or problems looked at between two yields.
STRIDE = 500


@dataclass(frozen=True, slots=True)
class Survey:
    """`closed`: documents of which nothing is in force, by label (see `label`). `outdated`: names of Routes of which
    an earlier version is in force. `errors` and `warnings` count problems.
    """

    closed: dict[str, Quarantined]
    outdated: frozenset[str]
    errors: int = 0
    warnings: int = 0

    @property
    def quarantined(self) -> int:
        """Documents that can't be used."""
        return len(self.closed) + len(self.outdated)


def label(key: str) -> str:
    """What a document is listed under: its name, or for one that can't be used its identity."""
    return key.lstrip("\0")


def survey(snapshot: Snapshot) -> Steps[Survey]:
    """Look at all documents and problems."""
    closed: dict[str, Quarantined] = {}
    explained: set[Problem] = set()
    branches = snapshot.book.branches
    for number, (key, branch) in enumerate(branches.items()):
        if isinstance(branch.document, Quarantined):
            closed[label(key)] = branch.document
            explained.update(branch.document.problems)
        if number % STRIDE == 0:
            yield
    outdated: set[str] = set()
    errors = warnings = 0
    for number, problem in enumerate(problems(snapshot)):
        if problem.severity != "error":
            warnings += 1
        else:
            errors += 1
            if problem.keeps_out and problem.name in branches and problem not in explained:
                outdated.add(problem.name)
        if number % STRIDE == 0:
            yield
    return Survey(closed, frozenset(outdated - closed.keys()), errors, warnings)


def problems(snapshot: Snapshot) -> Any:
    """All problems in no particular order: unlike `Snapshot.problems` this sorts nothing."""
    yield from snapshot.document_problems
    for some in snapshot.compile_problems.values():
        yield from some


class Surveys:
    """The Survey of the Snapshot in force, made again only where documents have changed."""

    def __init__(self) -> None:
        self._of: tuple[Any, ...] = ()
        self._last = Survey({}, frozenset())

    def get(self, snapshot: Snapshot) -> Steps[Survey]:
        """The Survey of `snapshot`."""
        if not self._knows(snapshot):
            found = yield from survey(snapshot)
            self._of, self._last = _parts(snapshot), found
        return self._last

    def forget(self, snapshot: Snapshot) -> None:
        """`snapshot` is in force: hold on to nothing of what was before, so that its plugins can go."""
        if not self._knows(snapshot):
            self._of = ()

    def _knows(self, snapshot: Snapshot) -> bool:
        parts = _parts(snapshot)
        return len(self._of) == len(parts) and all(one is other for one, other in zip(self._of, parts, strict=True))


def _parts(snapshot: Snapshot) -> tuple[Any, ...]:
    """What a Survey is made of."""
    return snapshot.book.branches, snapshot.document_problems, snapshot.compile_problems
