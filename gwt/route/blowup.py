"""Whether a regular expression can take exponential time, told from the expression alone.

A backtracking matcher explodes when a repeated part can read one text in two ways and go on as before, as (a+)+ does.
Each repeat becomes an automaton with one state a character of the pattern (Glushkov); two ways exist where two
different states can be in after the same text and then meet again. Polynomial cost is not looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

# The parse tree of the standard library's own patterns; its modules have had these names since Python 3.11.
_parser: Any = import_module("re._parser")
_c: Any = import_module("re._constants")

#: Repeated parts with more characters than this count as explosive: nobody can tell in time.
MAX_STATES = 64
#: A repeat that may go on this often is as bad as one without end.
_MANY = 8
_COPIES = 3

_REPEATS = (_c.MAX_REPEAT, _c.MIN_REPEAT, _c.POSSESSIVE_REPEAT)
_EMPTY = (_c.AT, _c.ASSERT, _c.ASSERT_NOT)
_ALL = (1 << 256) - 1
# The flag i, for the whole or for a group: taken for the whole, since that is never too lenient.
_ignores_case = re.compile(rb"\(\?[a-zA-Z]*i").search

# Whether a part may be empty, and the states that it may begin and end in.
Part = tuple[bool, list[int], list[int]]


class _Ambiguous(Exception):
    """Found on the way: two ways to go from one state to another."""


def explodes(pattern: bytes) -> bool:
    """Whether `pattern`, which must compile, could take exponential time for some text."""
    fold = _ignores_case(pattern) is not None
    try:
        return any(_Loop(items, fold).ambiguous() for items in _loops(_parser.parse(pattern)))
    except _Ambiguous:
        return True


def _loops(items: Iterable[Any]) -> Iterable[Any]:
    """The bodies of the outermost repeats without end."""
    for kind, value in items:
        if kind in _REPEATS and value[1] >= _MANY:
            yield value[2]
        else:
            for part in _parts(kind, value):
                yield from _loops(part)


def _parts(kind: Any, value: Any) -> Sequence[Any]:
    """The sequences that an item of the parse tree is made of."""
    if kind is _c.SUBPATTERN:
        return (value[3],)
    if kind is _c.BRANCH:
        return value[1]
    if kind in _REPEATS:
        return (value[2],)
    if kind in (_c.ASSERT, _c.ASSERT_NOT):
        return (value[1],)
    if kind is _c.ATOMIC_GROUP:
        return (value,)
    if kind is _c.GROUPREF_EXISTS:
        return [part for part in value[1:] if part is not None]
    return ()


class _Loop:
    """The automaton of one repeated part: for each state the characters (as bits) that lead to it, and what follows."""

    def __init__(self, body: Any, fold: bool) -> None:
        self.fold = fold
        self.reads: list[int] = []
        self.follow: list[set[int]] = []
        _, first, last = self._sequence(body)
        self._connect(last, first)

    def ambiguous(self) -> bool:
        """Whether two different states can be in after one text, both begun in one state and bound for one state."""
        size = range(len(self.reads))
        alike = [{q for q in size if self.reads[p] & self.reads[q]} for p in size]
        seen: set[tuple[int, int]] = set()
        waiting = [(state, state) for state in size]
        while waiting:
            one, other = waiting.pop()
            if one != other and self.follow[one] & self.follow[other]:
                return True
            for after in self.follow[one]:
                for beside in self.follow[other] & alike[after]:
                    pair = (after, beside) if after < beside else (beside, after)
                    if after != beside and pair not in seen:
                        seen.add(pair)
                        waiting.append(pair)
        return False

    def _state(self, reads: int) -> Part:
        if len(self.reads) >= MAX_STATES:
            raise _Ambiguous
        self.reads.append(reads)
        self.follow.append(set())
        state = len(self.reads) - 1
        return False, [state], [state]

    def _connect(self, last: Iterable[int], first: Sequence[int]) -> None:
        for state in last:
            if not self.follow[state].isdisjoint(first):
                raise _Ambiguous
            self.follow[state].update(first)

    def _sequence(self, items: Iterable[Any]) -> Part:
        return self._joined(self._item(kind, value) for kind, value in items)

    def _joined(self, parts: Iterable[Part]) -> Part:
        nullable, first, last = True, list[int](), list[int]()
        for may_be_empty, begins, ends in parts:
            self._connect(last, begins)
            first += begins if nullable else []
            last = ends + (last if may_be_empty else [])
            nullable = nullable and may_be_empty
        return nullable, first, last

    def _item(self, kind: Any, value: Any) -> Part:
        if kind in _EMPTY:
            return True, [], []
        if kind in _REPEATS:
            return self._repeat(*value)
        if kind in (_c.GROUPREF, _c.GROUPREF_EXISTS):
            raise _Ambiguous  # what it reads is not known beforehand
        parts = _parts(kind, value)
        if not parts:
            return self._state(_reads(kind, value, self.fold))
        return self._either([self._sequence(part) for part in parts])

    def _either(self, parts: Sequence[Part]) -> Part:
        if sum(part[0] for part in parts) > 1:
            raise _Ambiguous  # two ways to read nothing
        first = [state for part in parts for state in part[1]]
        return any(part[0] for part in parts), first, [state for part in parts for state in part[2]]

    def _repeat(self, least: int, most: int, body: Any) -> Part:
        fixed = least == most
        copies = [self._sequence(body) for _ in range(min(most, _COPIES) if fixed or most <= _COPIES else 1)]
        if not fixed and any(copy[0] for copy in copies):
            raise _Ambiguous  # nothing can be read by no turn and by an empty one
        if len(copies) != 1 or most == 1:
            return self._joined((copy[0] or turn >= least, *copy[1:]) for turn, copy in enumerate(copies))
        _, first, last = copies[0]
        self._connect(last, first)
        return not least, first, last


def _category(pattern: bytes) -> int:
    fits = re.compile(pattern).match
    return sum(1 << code for code in range(256) if fits(bytes((code,))))


_CATEGORIES = {
    _c.CATEGORY_DIGIT: _category(rb"\d"),
    _c.CATEGORY_NOT_DIGIT: _category(rb"\D"),
    _c.CATEGORY_SPACE: _category(rb"\s"),
    _c.CATEGORY_NOT_SPACE: _category(rb"\S"),
    _c.CATEGORY_WORD: _category(rb"\w"),
    _c.CATEGORY_NOT_WORD: _category(rb"\W"),
}
_UPPER, _LOWER = _category(rb"[A-Z]"), _category(rb"[a-z]")


def _reads(kind: Any, value: Any, fold: bool) -> int:
    """The characters, a bit each, that a single-character item fits."""
    if kind is _c.LITERAL:
        bits = 1 << value
    elif kind is _c.NOT_LITERAL:
        bits = _ALL & ~(1 << value)
    elif kind is _c.IN:
        bits = 0
        for part, what in value:
            bits |= _reads(part, what, fold) if part is not _c.NEGATE else 0
        return _ALL & ~bits if value[0][0] is _c.NEGATE else bits
    elif kind is _c.RANGE:
        bits = (1 << (value[1] + 1)) - (1 << value[0])
    else:
        bits = _CATEGORIES.get(value, _ALL) if kind is _c.CATEGORY else _ALL
    return bits | (bits & _UPPER) << 32 | (bits & _LOWER) >> 32 if fold else bits
