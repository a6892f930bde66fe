"""Outcome: what came of a request, without what may differ between two runs that mean the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gwt.testing.client import Answer

#: How a message is framed, and when it was made, is the gateway's business.
_FRAMING = frozenset((b"content-length", b"transfer-encoding", b"connection", b"date", b"trailer"))

Outcome = dict[str, Any]
Meaning = Callable[[Answer], Any]


def body_of(answer: Answer) -> Any:
    """What an answer's body means, unless somebody knows better."""
    return answer.body


def outcome(answer: Answer, meaning: Meaning = body_of) -> Outcome:
    """`answer` in parts that can be compared; those of a name keep their order, names have none."""
    seen = answer.upstream
    told: Outcome = {
        "status": answer.status,
        "body": meaning(answer),
        "complete": answer.complete,
        "errors": [repr(error) for error in answer.errors],
        "reaches the upstream": seen is not None,
    }
    _fields(told, "header", answer.headers.pairs)
    if seen is not None:
        told["the upstream's line"] = f"{seen.method} {seen.target}"
        told["the upstream's body"] = seen.body
        _fields(told, "the upstream's header", seen.headers.pairs)
    return told


def _fields(told: Outcome, what: str, pairs: Sequence[tuple[bytes, bytes]]) -> None:
    for name, value in pairs:
        lower = name.lower()
        if lower not in _FRAMING:
            told.setdefault(f"{what} {lower.decode('latin-1')}", []).append(value)


def difference(expected: Outcome, again: Outcome, found: Outcome) -> str | None:
    """What differs between `expected` and `found`, in words; nothing of what chance decides.

    `again` is what made `expected` once more, with other dice: where these two differ, nothing can be said.
    """
    for key in sorted(expected.keys() | found.keys()):
        if expected.get(key) == again.get(key) != found.get(key):
            return f"{key}: {expected.get(key)!r} becomes {found.get(key)!r}"
    return None
