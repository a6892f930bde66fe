"""How the cost of a search grows: as the text does, or as a power of it; told from the expression alone.

A backtracking matcher tries all ways to read a text before it gives up. Where a repeated part can hand over to a later
one at any place of a text that both read, as in ^a*a*b or ^.*/.*/x, there are as many ways as places. Three such parts
make it the square, and so on; a search that may begin anywhere is a part of that kind itself. Two parts are so related
where one text leads from the first back to it, from the first to the second, and from the second back to it (Weber and
Seidl, 1991); the shortest such text says how close to each other the places are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from importlib import import_module
from typing import Any

from gwt.route.automaton import ANY, LOOKS, Ambiguous, Automaton, folds, parse, parts

_c: Any = import_module("re._constants")

#: Steps that one search may take, some 10 ms; one in a repeated group counts as so many.
STEPS = 1 << 20
_SLOW = 8
#: Patterns with more characters, or that take more steps to judge, count as growing without bound.
MAX_STATES = 2048
_MOST_WORK = 5_000

_STARTS = (_c.AT_BEGINNING, _c.AT_BEGINNING_STRING)
_ENDS = (_c.AT_END, _c.AT_END_STRING)
_NEWLINE = 1 << 10

States = frozenset[int]


def longest_text(pattern: bytes, lines: bool = False) -> int | None:
    """The most bytes that `pattern`, which must compile, is sure to be searched in with `STEPS` steps.

    None: any number, the cost grows only as the text does. 0 where that can't be told. Texts hold no line break
    unless `lines`.
    """
    try:
        chains = _Chains(_Graph(pattern, lines))
        found = [(STEPS * strides) ** (1 / (gaps + 1)) for gaps, strides in chains.all if gaps]
    except Ambiguous:
        return 0
    return int(min(found)) if found else None


class _Graph:
    """The automaton of a search: without the states in which it has succeeded, with one that goes on looking."""

    def __init__(self, pattern: bytes, lines: bool) -> None:
        tree = parse(pattern)
        items = list(tree)
        multiline = bool(tree.state.flags & re.MULTILINE)
        anchored = bool(items) and _is_at(items[0], _STARTS[multiline:])
        ended = bool(items) and _is_at(items[-1], _ENDS)
        body = items[anchored : len(items) - ended]
        automaton = Automaton(body, folds(pattern), MAX_STATES)
        done = _successes(automaton, body, ended, lines)
        self.reads, self.slow = automaton.reads, automaton.slow
        self.follow = [follow - done for follow in automaton.follow]
        if not anchored:
            self.follow.append({len(self.reads), *automaton.first} - done)
            self.reads.append(ANY)
        self._trim()
        #: For each state that may lead to a loop, those that may come after it, at once or later.
        self.after = {state: self._reach(state) for state, follow in enumerate(self.follow) if follow}
        self.loops = self._loops()

    def _trim(self) -> None:
        """Forget what leads to no loop: most of a pattern, usually."""
        kept = set(range(len(self.reads)))
        before = 0
        while len(kept) != before:
            before = len(kept)
            for state in range(len(self.reads) - 1, -1, -1):  # the end of a pattern goes first
                self.follow[state] &= kept
                if not self.follow[state]:
                    kept.discard(state)

    def _loops(self) -> list[States]:
        """The sets of states that lead to each other, in an order in which none leads to an earlier one."""
        loops = {frozenset(q for q in after if p in self.after[q]) for p, after in self.after.items() if p in after}
        return sorted(loops, key=lambda loop: -len(self.after[next(iter(loop))]))

    def _reach(self, state: int) -> set[int]:
        seen: set[int] = set()
        waiting = [state]
        while waiting:
            fresh = self.follow[waiting.pop()] - seen
            seen |= fresh
            waiting += fresh
        return seen


def _is_at(item: tuple[Any, Any], places: Sequence[Any]) -> bool:
    return item[0] is _c.AT and item[1] in places


def _successes(automaton: Automaton, body: Sequence[Any], ended: bool, lines: bool) -> set[int]:
    """The states in which nothing can fail any more: from there no way back is tried."""
    if _asserts(body) or (ended and lines):
        return set()
    if not ended:
        return set(automaton.last)
    return {q for q in automaton.last if q in automaton.follow[q] and automaton.reads[q] | _NEWLINE == ANY}


def _asserts(items: Iterable[Any]) -> bool:
    """Whether anything in `items` asks more of a text than which characters follow each other."""
    return any(
        kind in (_c.AT, _c.GROUPREF, *LOOKS) or any(_asserts(part) for part in parts(kind, value))
        for kind, value in items
    )


class _Chains:
    """Loops of a graph that hand over to each other, one after the other."""

    def __init__(self, graph: _Graph) -> None:
        self._graph = graph
        self._work = 0

    @cached_property
    def all(self) -> set[tuple[int, float]]:
        """(number of hand-overs, product of their strides) of every chain, of equal ones the least."""
        graph, loops = self._graph, self._graph.loops
        found: list[dict[int, float]] = []
        for place in reversed(range(len(loops))):
            mine = {0: 1.0}
            for later, theirs in zip(loops[place + 1 :], reversed(found), strict=True):
                if next(iter(later)) not in graph.after[next(iter(loops[place]))]:
                    continue
                stride = self._stride(loops[place], later)
                for gaps, strides in theirs.items():
                    if stride:
                        mine[gaps + 1] = min(mine.get(gaps + 1, strides * stride), strides * stride)
                    mine[gaps] = min(mine.get(gaps, strides), strides)
            found.append(mine)
        return {chain for mine in found for chain in mine.items()}

    def _stride(self, one: States, other: States) -> float:
        """The length of the shortest text on which `one` can hand over to `other` or not; 0 if there is none."""
        strides = [self._shortest(p, q, one, other) for p in one for q in other]
        return min(filter(None, strides), default=0) / (_SLOW if (one | other) & self._graph.slow else 1)

    def _shortest(self, p: int, q: int, one: States, other: States) -> int:
        """The length of the shortest text that leads from p to p, from p to q and from q to q."""
        graph = self._graph
        between = {state for state in graph.after[p] if state == q or q in graph.after[state]}
        seen, round_ = {(p, p, q)}, [(p, p, q)]
        length = 0
        while round_:
            length += 1
            fresh: set[tuple[int, int, int]] = set()
            for a, b, c in round_:
                for after in graph.follow[b] & between:
                    fresh |= self._steps(a, after, c, one, other)
            if (p, q, q) in fresh:
                return length
            round_ = list(fresh - seen)
            seen |= fresh
            self._work += 1 + len(round_)
            if self._work > _MOST_WORK:
                raise Ambiguous
        return 0

    def _steps(self, a: int, after: int, c: int, one: States, other: States) -> set[tuple[int, int, int]]:
        """Where the first and the third may be when the second goes to `after`, by one character for all."""
        reads, follow = self._graph.reads, self._graph.follow
        return {
            (first, after, third)
            for first in follow[a] & one
            if reads[first] & reads[after]
            for third in follow[c] & other
            if reads[first] & reads[after] & reads[third]
        }
