"""The short cut: a whole plain request, and a whole plain answer, in compiled code where it was built.

Most exchanges are plain: a GET in one piece for a path without a rewrite, an idle connection to the endpoint whose turn
it is, an answer that comes in one piece with its length said, a line in the log with nothing to escape. For these a
function marked with `shortcut` is preceded by a twin in C that does the same to the same objects: whoever looks at them
afterwards can't tell which it was. Where anything is unusual the twin does nothing, and the function runs. So the
Python code says all that there is to know, and without a compiler it is all that runs.

The C code knows no class by itself: `gwt.shortcuts` tells it (`know`), and refuses where they are not what it was
built for. tests/laws/test_shortcut_laws.py holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

try:
    from gwt.shortcut._shortcut import Shortcut, forget, know  # type: ignore[import-not-found,unused-ignore]

    BUILT = True
except ImportError:
    BUILT = False

__all__ = ["BUILT", "forget", "know", "shortcut"]

F = TypeVar("F", bound=Callable[..., Any])


def shortcut(name: str) -> Callable[[F], F]:
    """Mark a function that has a short cut, called `name` (`receive`, `forward`, `answer`, `respond`, `finished`)."""

    def mark(function: F) -> F:
        return cast(F, Shortcut(name, function)) if BUILT else function

    return mark
