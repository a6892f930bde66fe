"""value: the decorator of small immutable values that are made by the hundred thousand.

A frozen dataclass stores every field through `object.__setattr__`: 1,300 instructions a field, six times what making
it takes otherwise, and that was half of what loading a Route cost. So the type checker keeps these frozen (PEP 681),
and nothing at run time does. They compare and hash by their fields like frozen ones.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(Field, field))
def value(cls: type[T]) -> type[T]:
    """A dataclass with slots that nobody changes once it is made."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
