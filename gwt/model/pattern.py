"""Regular expressions of documents: do they compile, and can they be made to run for ages by what a client sends?

Python's `re` backtracks: `(a+)+$` takes twice as long for every further character. `check` refuses patterns in which
a repeat can divide the same text in more than one way, and those with several overlapping repeats in a row.
It errs on the safe side: a refused pattern can be written in another way.
"""

from __future__ import annotations

import re
import warnings
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

MAX_PATTERN: Final = 1000
#: A repeat of more than this counts as unbounded.
MANY: Final = 20
#: Overlapping unbounded repeats in one sequence: n of them cost length ** n.
MAX_CHAIN: Final = 3
#: What alternatives and bounded repeats may unfold to.
MAX_WEIGHT: Final = 20_000

_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
_ALL: Final = frozenset(range(257))  # Latin-1, and 256 for everything else


def check(pattern: str) -> re.Pattern[str]:
    """The compiled pattern. Raises ValueError, for people, where it is wrong, too long or can take ages."""
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"a pattern of {len(pattern)} characters; at most {MAX_PATTERN} are allowed")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # `[[`: what it may mean one day
            compiled = re.compile(pattern)
        # Where case is ignored, overlaps are looked for as if all of it were written in one case.
        tree = parser.parse(_one_case(pattern) if compiled.flags & re.IGNORECASE else pattern)
        if _weight(tree) > MAX_WEIGHT:
            raise ValueError("a pattern that unfolds too far: bounded repeats inside each other")
        _examine(tree)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    except (OverflowError, RecursionError):
        raise ValueError("not a regular expression: too large or too deep") from None
    return compiled


def _one_case(pattern: str) -> str:
    """The letters of `pattern` in lower case; what stands after a backslash or names a group keeps its meaning."""
    return re.sub(r"\\.|\(\?P<|[A-Z]", lambda match: match[0] if match[0][0] in "\\(" else match[0].lower(), pattern)


def _weight(items: Any) -> int:
    total = 0
    for op, argument in items:
        if op in _REPEATS:
            total += max(1, min(argument[1], MAX_WEIGHT) if argument[1] is not sre.MAXREPEAT else 1) * _weight(
                argument[2]
            )
        else:
            total += 1 + sum(_weight(part) for part in _parts(op, argument))
    return total


def _parts(op: Any, argument: Any) -> list[Any]:
    """The patterns inside one item."""
    if op in _REPEATS:
        return [argument[2]]
    if op is sre.SUBPATTERN:
        return [argument[3]]
    if op is sre.BRANCH:
        return list(argument[1])
    if op in (sre.ASSERT, sre.ASSERT_NOT):
        return [argument[1]]
    if op is sre.ATOMIC_GROUP:
        return [argument]
    return [part for part in argument[1:] if part is not None] if op is sre.GROUPREF_EXISTS else []


def _examine(items: Any) -> None:
    chain: list[frozenset[int]] = []
    for op, argument in items:
        if op is sre.GROUPREF:
            raise ValueError("a pattern with a reference back to a group (\\1) can take ages")
        if op in _REPEATS and _unbounded(argument):
            _examine_body(argument[2])
            letters = _letters(argument[2])
            chain = [*(earlier for earlier in chain if earlier & letters), letters]
            if len(chain) > MAX_CHAIN:
                raise ValueError(f"a pattern with more than {MAX_CHAIN} overlapping repeats in a row can take ages")
        for part in _parts(op, argument):
            _examine(part)


def _unbounded(argument: Any) -> bool:
    return argument[1] is sre.MAXREPEAT or argument[1] > MANY


def _examine_body(body: Any) -> None:
    """A repeat is safe where one turn of it can't be taken for two, nor for another alternative."""
    inner = _inner_repeats(body)
    if inner:
        items = _flat(body)
        ends = [_letters([item]) for item in (items[0], items[-1]) if _fixed(item)] if items else []
        together = frozenset().union(*inner)
        if not any(end and not end & together for end in ends) or _variable(items) > 1:
            raise ValueError("a pattern with a repeat inside a repeat, such as (a+)+, can take ages")
    _examine_alternatives(body)


def _variable(items: list[Any]) -> int:
    """How many items of a sequence overlap with a variable neighbour before them."""
    ambiguous, before = 0, frozenset[int]()
    for item in items:
        letters = _letters([item])
        if not _fixed(item):
            ambiguous += 2 if letters & before else 0
            before = before | letters
        elif not letters & before:
            before = frozenset()
    return ambiguous


def _examine_alternatives(body: Any) -> None:
    for op, argument in _flat(body):
        if op is sre.BRANCH:
            seen: frozenset[int] = frozenset()
            for part in argument[1]:
                first = _first(part)
                if first & seen or (len(list(part)) == 0):
                    raise ValueError(
                        "a pattern with overlapping alternatives inside a repeat, such as (a|a)*, can take ages"
                    )
                seen |= first
        elif op in _REPEATS and not _unbounded(argument) and argument[0] != argument[1] and len(_flat(body)) > 1:
            others = frozenset().union(*(_letters([item]) for item in _flat(body) if item[1] is not argument))
            if others & _letters(argument[2]):
                raise ValueError(
                    "a pattern with overlapping optional parts inside a repeat, such as (a?a)*, can take ages"
                )


def _flat(items: Any) -> list[Any]:
    """The items of a sequence with plain groups opened."""
    result: list[Any] = []
    for op, argument in items:
        result.extend(_flat(argument[3]) if op is sre.SUBPATTERN else [(op, argument)])
    return result


def _inner_repeats(items: Any) -> list[frozenset[int]]:
    found: list[frozenset[int]] = []
    for op, argument in items:
        if op in _REPEATS and _unbounded(argument):
            found.append(_letters(argument[2]))
        for part in _parts(op, argument):
            found.extend(_inner_repeats(part))
    return found


def _fixed(item: Any) -> bool:
    """Takes exactly one character."""
    return item[0] in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY)


def _letters(items: Any) -> frozenset[int]:
    """Every character that `items` can take."""
    result: frozenset[int] = frozenset()
    for op, argument in items:
        if op in (sre.ANY, sre.NOT_LITERAL, sre.GROUPREF):
            result |= _ALL - ({argument} if op is sre.NOT_LITERAL else set())
        elif op is sre.LITERAL:
            result |= {min(argument, 256)}
        elif op is sre.IN:
            result |= _set(argument)
        elif op not in (sre.ASSERT, sre.ASSERT_NOT):
            for part in _parts(op, argument):
                result |= _letters(part)
    return result


def _first(items: Any) -> frozenset[int]:
    """The characters with which `items` can begin; all that it can take, where its first item may be left out."""
    flat = _flat(items)
    return _letters(flat[:1]) if flat and _fixed(flat[0]) else _letters(flat)


def _set(items: Any) -> frozenset[int]:
    result: set[int] = set()
    negate = False
    for op, argument in items:
        if op is sre.NEGATE:
            negate = True
        elif op is sre.LITERAL:
            result.add(min(argument, 256))
        elif op is sre.RANGE:
            result.update(range(min(argument[0], 256), min(argument[1], 256) + 1))
        else:
            result.update(_category(argument))
    return _ALL - result if negate else frozenset(result)


def _category(category: Any) -> frozenset[int]:
    name = str(category).lower()
    letter = "d" if "digit" in name else "s" if "space" in name else "w"
    matches = re.compile(rf"\{letter}").match
    found = frozenset(code for code in range(256) if matches(chr(code))) | {256}
    return (_ALL - found) | {256} if "not" in name else found


def check_replacement(pattern: re.Pattern[str], replacement: str) -> None:
    r"""Raises ValueError where `replacement` (with \1 or \g<name>) does not fit `pattern`."""
    try:
        parser.parse_template(replacement, pattern)
    except (re.error, IndexError, KeyError) as error:
        raise ValueError(f"not a replacement: {error}") from None
