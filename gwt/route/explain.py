"""Why one entry won and the others lost, in words for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gwt.route.conditions import RequestView
from gwt.route.entry import KINDS, Entry, is_placeholder
from gwt.route.regex import TooLong
from gwt.route.variables import show


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry of the chosen host; `lost` says why it did not win, None for the winner."""

    entry: Entry
    lost: str | None


def candidates(entries: Sequence[Entry], path: bytes, view: RequestView) -> list[Candidate]:
    """All `entries` (in the order in which they win) for one request; by definition, not by tree.

    Raises `TooLong` where no winner was found before.
    """
    winner: Entry | None = None
    found = []
    for entry in entries:
        try:
            lost = _misses(entry, path, view)
        except TooLong as error:
            if winner is None:
                raise
            lost = str(error)
        if lost is None:
            if winner is None:
                winner = entry
            else:
                lost = outranked(entry, winner)
        found.append(Candidate(entry, lost))
    return found


def _misses(entry: Entry, path: bytes, view: RequestView) -> str | None:
    if not entry.applies(path):
        return f"path {show(path)} {_MISSES[entry.match]} {show(entry.uri)}"
    return None if entry.conditions is None else entry.conditions.fails(view)


_MISSES = {
    "exact": "is not",
    "template": "does not fit the template",
    "regex": "is not found by the regex",
    "prefix": "is not under the prefix",
}


def outranked(loser: Entry, winner: Entry) -> str:
    """Why `winner` comes before `loser` although both take the request."""
    if loser.priority != winner.priority:
        return f"priority {loser.priority} < {winner.priority}"
    if loser.match != winner.match:
        return f"{loser.match} comes after {winner.match} ({', '.join(KINDS)})"
    return _less_particular(loser, winner) or _less_asking(loser, winner)


def _less_particular(loser: Entry, winner: Entry) -> str | None:
    lost, won = show(loser.uri), show(winner.uri)
    if loser.match == "template":
        holes, fewer = _holes(loser), _holes(winner)
        if len(holes) != len(fewer):
            return f"template {lost} has more placeholders than {won}"
        return f"template {lost} has a placeholder further left than {won}" if holes != fewer else None
    if loser.match == "regex":
        return f"regex {lost} is shorter than {won}" if len(loser.uri) < len(winner.uri) else None
    return f"prefix {lost} is shorter than {won}" if len(loser.probe) < len(winner.probe) else None


def _holes(entry: Entry) -> list[int]:
    return [place for place, segment in enumerate(entry.uri.split(b"/")) if is_placeholder(segment)]


def _less_asking(loser: Entry, winner: Entry) -> str:
    if loser.count != winner.count:
        return f"{loser.count} condition{'' if loser.count == 1 else 's'} < {winner.count}"
    if loser.name != winner.name:
        return f"name {loser.name!r} sorts after {winner.name!r}"
    return f"the same pattern and number of conditions as an earlier one of {winner.name!r}"
