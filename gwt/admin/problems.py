"""/v1/problems: documents in quarantine and why, and everything else that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gwt.admin.answers import PAUSE, Reply
from gwt.admin.order import ascending
from gwt.admin.routes import closed
from gwt.admin.survey import Survey
from gwt.model.problem import to_dict
from gwt.snapshot import Snapshot


def answer(snapshot: Snapshot, survey: Survey, store: dict[str, Any]) -> Reply:
    """`store` says how the store is: {name, failure, failing_for}."""
    body = {
        "revision": snapshot.revision,
        "store": store,
        "errors": survey.errors,
        "warnings": survey.warnings,
        "quarantined": _quarantined(snapshot, survey),
        "problems": _problems(snapshot),
    }
    return Reply(body, etag=str(snapshot.revision))


def _quarantined(snapshot: Snapshot, survey: Survey) -> Iterator[Any]:
    """First what is closed, then what stays in force in an earlier version; each by name."""
    for identity in ascending(survey.closed):
        yield PAUSE if identity is PAUSE else {**closed(identity, survey.closed[identity]), "in_force": None}
    for name in ascending(survey.outdated):
        if name is PAUSE:
            yield PAUSE
            continue
        of = snapshot.book.branches[name].document.source
        yield {"name": name, "state": "outdated", "in_force": {"file": of.file, "line": of.line or None}}


def _problems(snapshot: Snapshot) -> Iterator[Any]:
    """With documents first, then what only became clear when they were put together."""
    yield from map(to_dict, snapshot.document_problems)
    for name in ascending(snapshot.compile_problems):
        yield from [PAUSE] if name is PAUSE else map(to_dict, snapshot.compile_problems[name])
