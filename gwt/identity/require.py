"""`require` of a policy: which claims an identity must have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


class Requirement:
    """Each of the claims must hold one of its values. A claim is one value or a list of them. Immutable."""

    __slots__ = ("_wanted",)

    def __init__(self, require: Mapping[str, Iterable[str]]) -> None:
        self._wanted = tuple((claim, frozenset(values)) for claim, values in require.items())

    def met(self, claims: Mapping[str, Any]) -> bool:
        """Whether `claims` are enough. A number or a boolean counts as JSON writes it: `3`, `true`."""
        for claim, values in self._wanted:
            found = claims.get(claim)
            if isinstance(found, str):
                if found not in values:
                    return False
            elif not any(_text(one) in values for one in (found if isinstance(found, list) else (found,))):
                return False
        return True


def _text(value: Any) -> str | None:
    """A scalar as `require` writes it; None for null, lists and objects, which equal nothing."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | int | float) else None
