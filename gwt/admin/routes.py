"""/v1/routes: the documents, as they are in force or in quarantine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gwt.admin.answers import PAUSE, Reply, failed
from gwt.admin.order import Page, ascending
from gwt.admin.survey import Survey, label, problems
from gwt.admin.written import document
from gwt.audit import audited
from gwt.explain import row
from gwt.model.problem import to_dict
from gwt.model.route import Quarantined, Route, Source
from gwt.snapshot import Snapshot


def table(snapshot: Snapshot) -> Reply:
    """One entry for each path of each host, in the order in which they are tried: what `gwt routes` shows."""
    rows = (row(snapshot, pattern, entry) for pattern, entry in snapshot.router.entries())
    return Reply({"revision": snapshot.revision, "entries": rows}, etag=str(snapshot.revision))


def audit(snapshot: Snapshot) -> Reply:
    """The same with what guards each path and who set it: what `gwt audit` shows."""
    rows = (audited(snapshot, pattern, entry) for pattern, entry in snapshot.router.entries())
    return Reply({"revision": snapshot.revision, "entries": rows}, etag=str(snapshot.revision))


def listing(snapshot: Snapshot, survey: Survey, limit: int | None, after: str | None) -> Reply:
    """All documents by label. `next` is what `after` has to be for the following page, null on the last one."""
    page = Page(ascending(_labels(snapshot), after), limit)
    body = {
        "revision": snapshot.revision,
        "routes": page.rows(lambda one: (one, _shown(snapshot, survey, one))),
        "next": lambda: page.next,
    }
    return Reply(body, etag=str(snapshot.revision))


def one(snapshot: Snapshot, survey: Survey, name: str) -> Reply:
    """The document of that name, or identity."""
    name = label(name)
    wanted = name if name in snapshot.book.branches or name in survey.closed else None
    if wanted is None:
        wanted = next((key for key, closed in survey.closed.items() if closed.name == name), None)
    if wanted is None:
        return failed(404, "no_such_route", f"no document is named {name!r}")
    shown = _shown(snapshot, survey, wanted)
    shown["problems"] = _problems(snapshot, wanted)
    return Reply({"revision": snapshot.revision, **shown}, etag=str(snapshot.revision))


def _labels(snapshot: Snapshot) -> Iterator[str]:
    return map(label, snapshot.book.branches)


def _shown(snapshot: Snapshot, survey: Survey, name: str) -> dict[str, Any]:
    branch = snapshot.book.branches.get(name)
    if branch is None or isinstance(branch.document, Quarantined):
        return closed(name, survey.closed[name])
    route: Route = branch.document
    return {
        "name": route.name,
        "state": "in_force",
        "outdated": route.name in survey.outdated,
        "source": source(route.source),
        "hosts": list(branch.entries),
        "document": document(route),
    }


def closed(identity: str, one: Quarantined) -> dict[str, Any]:
    """A document of which nothing is in force. `document` is null: it can't be read as one."""
    return {
        "name": one.name or identity,
        "state": "quarantined",
        "outdated": False,
        "source": source(one.source),
        "hosts": list(one.hosts),
        "document": None,
        "problems": [to_dict(problem) for problem in one.problems],
    }


def source(of: Source) -> dict[str, Any]:
    """Where a document came from."""
    return {"file": of.file, "line": of.line or None, "identity": of.identity}


def _problems(snapshot: Snapshot, name: str) -> Iterator[Any]:
    """Everything that is wrong with the document of that name, in the order in which it was found."""
    branch = snapshot.book.branches.get(name)
    if branch is None or isinstance(branch.document, Quarantined):
        key = name if branch is not None else "\0" + name
        yield from map(to_dict, snapshot.book.branches[key].document.problems)
        return
    for number, problem in enumerate(problems(snapshot)):
        if problem.name == name:
            yield to_dict(problem)
        elif number % 100 == 0:
            yield PAUSE
