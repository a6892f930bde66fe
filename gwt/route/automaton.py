"""A regular expression as an automaton: what `blowup` and `growth` tell the cost of matching from.

One state for each character of the pattern (Glushkov): `reads` are the characters that lead to it, `follow` the states
that may come next. Assertions read nothing; what a backreference reads is not known, so it counts as anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

# The parse tree of the standard library's own patterns; its modules have had these names since Python 3.11.
_parser: Any = import_module("re._parser")
_c: Any = import_module("re._constants")

#: A repeat that may go on this often is as bad as one without end.
MANY = 8
#: A part that is repeated so often at most, or a fixed number of times, is written out, up to so many times.
_COPIES = 3

REPEATS = (_c.MAX_REPEAT, _c.MIN_REPEAT, _c.POSSESSIVE_REPEAT)
LOOKS = (_c.ASSERT, _c.ASSERT_NOT)
_REFERS = (_c.GROUPREF, _c.GROUPREF_EXISTS)
ANY = (1 << 256) - 1
# The flag i, for the whole or for a group: taken for the whole, since that is never too lenient.
_ignores_case = re.compile(rb"\(\?[a-zA-Z]*i").search

# Whether a part may be empty, and the states that it may begin and end in.
Part = tuple[bool, list[int], list[int]]


class Ambiguous(Exception):
    """Two ways to go from one state to another, where there must be one; or more states than can be looked at."""


def parse(pattern: bytes) -> Any:
    """The parse tree: a sequence of (kind, value)."""
    return _parser.parse(pattern)


def folds(pattern: bytes) -> bool:
    """Whether upper and lower case are the same in `pattern`, or in a part of it."""
    return _ignores_case(pattern) is not None


def parts(kind: Any, value: Any) -> Sequence[Any]:
    """The sequences that an item of the parse tree is made of."""
    if kind is _c.SUBPATTERN:
        return (value[3],)
    if kind is _c.BRANCH:
        return value[1]
    if kind in REPEATS:
        return (value[2],)
    if kind in LOOKS:
        return (value[1],)
    if kind is _c.ATOMIC_GROUP:
        return (value,)
    if kind is _c.GROUPREF_EXISTS:
        return [part for part in value[1:] if part is not None]
    return ()


class Automaton:
    """The states of `body`, a sequence of a parse tree; `first` and `last` are those that it may begin and end in.

    `strict`: Ambiguous where two ways of the pattern are one here (what may be empty in two ways, a backreference), and
    lookarounds are left out. Otherwise a lookaround is a side road that leads nowhere. Ambiguous over `most` states.
    """

    def __init__(self, body: Any, fold: bool, most: int, strict: bool = False) -> None:
        self._fold, self._most, self._strict = fold, most, strict
        self.reads: list[int] = []
        self.follow: list[set[int]] = []
        #: States in repeats of more than one character: a matcher takes far longer to go round those.
        self.slow: set[int] = set()
        self.empty, self.first, self.last = self._sequence(body)

    def _state(self, reads: int) -> Part:
        if len(self.reads) >= self._most:
            raise Ambiguous
        self.reads.append(reads)
        self.follow.append(set())
        state = len(self.reads) - 1
        return False, [state], [state]

    def connect(self, last: Iterable[int], first: Sequence[int]) -> None:
        """States of `first` may come after those of `last`."""
        for state in last:
            if self._strict and not self.follow[state].isdisjoint(first):
                raise Ambiguous
            self.follow[state].update(first)

    def _sequence(self, items: Iterable[Any]) -> Part:
        return self._joined(self._item(kind, value) for kind, value in items)

    def _joined(self, pieces: Iterable[Part]) -> Part:
        nullable, first, last = True, list[int](), list[int]()
        for may_be_empty, begins, ends in pieces:
            self.connect(last, begins)
            first += begins if nullable else []
            last = ends + (last if may_be_empty else [])
            nullable = nullable and may_be_empty
        return nullable, first, last

    def _item(self, kind: Any, value: Any) -> Part:
        if kind is _c.AT:
            return True, [], []
        if kind in LOOKS:
            return (True, [], []) if self._strict else (True, self._sequence(value[1])[1], [])
        if kind in REPEATS:
            return self._repeat(*value)
        if kind in _REFERS and self._strict:
            raise Ambiguous  # what it reads is not known beforehand
        if kind is _c.GROUPREF:
            return self._looped(self._state(ANY), True)
        inner = [self._sequence(part) for part in parts(kind, value)]
        if kind is _c.GROUPREF_EXISTS and len(inner) == 1:
            inner.append((True, [], []))
        return self._either(inner) if inner else self._state(reads(kind, value, self._fold))

    def _either(self, pieces: Sequence[Part]) -> Part:
        if self._strict and sum(part[0] for part in pieces) > 1:
            raise Ambiguous  # two ways to read nothing
        first = [state for part in pieces for state in part[1]]
        return any(part[0] for part in pieces), first, [state for part in pieces for state in part[2]]

    def _repeat(self, least: int, most: int, body: Any) -> Part:
        fixed, begin = least == most, len(self.reads)
        copies = [self._sequence(body) for _ in range(min(most, _COPIES) if fixed or most <= _COPIES else 1)]
        if len(body) != 1 or parts(*body[0]):
            self.slow.update(range(begin, len(self.reads)))
        if self._strict and not fixed and any(copy[0] for copy in copies):
            raise Ambiguous  # nothing can be read by no turn and by an empty one
        if len(copies) != 1 or most == 1:
            return self._joined((copy[0] or turn >= least, *copy[1:]) for turn, copy in enumerate(copies))
        return self._looped(copies[0], not least)

    def _looped(self, part: Part, may_be_empty: bool) -> Part:
        _, first, last = part
        self.connect(last, first)
        return may_be_empty or part[0], first, last


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


def reads(kind: Any, value: Any, fold: bool) -> int:
    """The characters, a bit each, that a single-character item fits."""
    if kind is _c.LITERAL:
        bits = 1 << value
    elif kind is _c.NOT_LITERAL:
        bits = ANY & ~(1 << value)
    elif kind is _c.IN:
        bits = 0
        for part, what in value:
            bits |= reads(part, what, fold) if part is not _c.NEGATE else 0
        return ANY & ~bits if value[0][0] is _c.NEGATE else bits
    elif kind is _c.RANGE:
        bits = (1 << (value[1] + 1)) - (1 << value[0])
    else:
        bits = _CATEGORIES.get(value, ANY) if kind is _c.CATEGORY else ANY
    return bits | (bits & _UPPER) << 32 | (bits & _LOWER) >> 32 if fold else bits
