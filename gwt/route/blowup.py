"""Whether a regular expression can take exponential time, told from the expression alone.

A backtracking matcher explodes when a repeated part can read one text in two ways and go on as before, as (a+)+ does.
Of the automaton of each repeat: two ways exist where two different states can be in after the same text and then meet
again. Cost that grows with a power of the text is the business of `growth`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gwt.route.automaton import MANY, REPEATS, Ambiguous, Automaton, folds, parse, parts

#: Repeated parts with more characters than this count as explosive: nobody can tell in time.
MAX_STATES = 64


def explodes(pattern: bytes) -> bool:
    """Whether `pattern`, which must compile, could take exponential time for some text."""
    fold = folds(pattern)
    try:
        return any(_ambiguous(_loop(body, fold)) for body in _bodies(parse(pattern)))
    except Ambiguous:
        return True


def _bodies(items: Iterable[Any]) -> Iterable[Any]:
    """The bodies of the outermost repeats without end."""
    for kind, value in items:
        if kind in REPEATS and value[1] >= MANY:
            yield value[2]
        else:
            for part in parts(kind, value):
                yield from _bodies(part)


def _loop(body: Any, fold: bool) -> Automaton:
    """The automaton of a repeated part, which may begin again where it ends."""
    automaton = Automaton(body, fold, MAX_STATES, strict=True)
    automaton.connect(automaton.last, automaton.first)
    return automaton


def _ambiguous(loop: Automaton) -> bool:
    """Whether two different states can be in after one text, both begun in one state and bound for one state."""
    size, follow = range(len(loop.reads)), loop.follow
    alike = [{q for q in size if loop.reads[p] & loop.reads[q]} for p in size]
    seen: set[tuple[int, int]] = set()
    waiting = [(state, state) for state in size]
    while waiting:
        one, other = waiting.pop()
        if one != other and follow[one] & follow[other]:
            return True
        for after in follow[one]:
            for beside in follow[other] & alike[after]:
                pair = (after, beside) if after < beside else (beside, after)
                if after != beside and pair not in seen:
                    seen.add(pair)
                    waiting.append(pair)
    return False
