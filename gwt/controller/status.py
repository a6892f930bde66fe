"""Status: what people are told of a ConfigMap (the annotation gwt.io/status and an Event) and of a Secret. Pure.

It says the same as long as nothing has changed, so that whoever writes it down is not woken by that; and something else
of other data, so that each change is told, whatever became of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, Protocol

from gwt.controller.diff import RouteChanges, map_of
from gwt.controller.maps import Desired, shown
from gwt.model.problem import headline
from gwt.model.route import Problem

#: Problems, and Routes, that are told, and characters of each.
MOST, LONGEST = 10, 300

#: Characters of an Event's message.
MESSAGE: Final = 1000


class Status(NamedTuple):
    """`text` is the annotation, `bad` whether anything was not accepted, `message` one for an Event."""

    text: str
    bad: bool
    message: str


class Notice(NamedTuple):
    """What an Event says; `bad` makes it a warning."""

    bad: bool
    reason: str
    message: str


class Named(Protocol):
    """An object as it is kept."""

    @property
    def namespace(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def uid(self) -> str: ...


def statuses(desired: Desired, outcome: RouteChanges) -> dict[str, Status]:
    """By ConfigMap."""
    accepted: dict[str, list[str]] = {key: [] for key in desired.problems}
    problems: dict[str, list[Problem]] = {key: list(found) for key, found in desired.problems.items()}
    held: dict[str, list[str]] = {key: [] for key in desired.problems}
    for name, asked in desired.docs.items():
        key = map_of(asked.origin)
        if name in outcome.foreign:
            message = f"the name {name!r} is taken by an entry of the store that is no ConfigMap's"
            problems[key].append(Problem(asked.origin.partition("#")[0], 1, 1, message, name=name))
        elif name in outcome.held:
            held[key].append(name)
        else:
            accepted[key].append(name)
    digests = desired.digests
    return {key: _status(accepted[key], held[key], problems[key], digests.get(key)) for key in desired.problems}


def _status(accepted: list[str], held: list[str], problems: Iterable[Problem], digest: str | None) -> Status:
    listed = shown(problems)
    errors = [headline(one)[:LONGEST] for one in listed if one.severity == "error"]
    warnings = [headline(one)[:LONGEST] for one in listed if one.severity != "error"]
    names = [name[:LONGEST] for name in sorted(accepted)]
    value: dict[str, Any] = {"accepted": len(accepted)}
    for name, lines in (("routes", names), ("held", sorted(held)), ("errors", errors), ("warnings", warnings)):
        if lines:
            value[name] = _first(lines)
    if digest is not None:
        value["data"] = digest
    message = f"{len(accepted)} Routes are in force" + (f": {', '.join(_first(names))}" if names else "")
    if errors:
        message = f"{errors[0]} ({len(errors)} errors; {message})"
    return Status(json.dumps(value, ensure_ascii=False), bool(errors), message[:MESSAGE])


def _first(lines: list[str]) -> list[str]:
    """Not more than can be read."""
    return lines[:MOST] + ([f"and {len(lines) - MOST} more"] if len(lines) > MOST else [])


def patch(text: str, annotation: str) -> bytes:
    """The merge patch that writes it down."""
    return json.dumps({"metadata": {"annotations": {annotation: text}}}).encode()


def notice(status: Status) -> Notice:
    """What an Event says of a ConfigMap."""
    return Notice(status.bad, "RouteRejected" if status.bad else "RouteAccepted", status.message)


def certificate_notice(why: str | None) -> Notice:
    """What an Event says of a Secret: `why` its certificate can't be used, None where it is in the store."""
    if why is None:
        return Notice(False, "CertificateAccepted", "the certificate stands in the store")
    return Notice(True, "CertificateRejected", f"{why}; what it last said holds"[:MESSAGE])


def event(kind: str, value: Named, notice: Notice, component: str, stamp: str, suffix: str) -> dict[str, Any]:
    """The Event on an object of `kind`; `stamp` is the time in RFC 3339, `suffix` makes its name unique."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{value.name[:200].rstrip('.-')}.{suffix}", "namespace": value.namespace},
        "involvedObject": {
            "apiVersion": "v1", "kind": kind, "namespace": value.namespace, "name": value.name,
            "uid": value.uid,
        },
        "type": "Warning" if notice.bad else "Normal",
        "reason": notice.reason,
        "message": notice.message,
        "source": {"component": component},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }  # fmt: skip
