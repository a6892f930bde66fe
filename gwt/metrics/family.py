"""A metric and its label sets, and how both are written down for other processes.

Every line of a registry is a JSON array: `["f", number, name, kind, help, labels, bounds, merge]` makes
a family known (a scale other than 1 comes last), `["s", number, first cell, values]` one label set of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

#: Label values are cut here: names come from documents, and a scrape repeats them in every line.
LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class Family:
    """A metric. `kind` is counter, gauge or histogram.

    A cell holds an integer. A histogram with n `bounds` has n + 2 cells: one a bucket, one for what is beyond the last
    bound, and the sum, which is a float. `merge` tells how gauges of several workers become one: sum, max or min.
    What is shown of a counter or gauge is its cell divided by `scale`.
    """

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    merge: str = "sum"
    scale: int = 1

    @property
    def size(self) -> int:
        """The cells of one label set."""
        return len(self.bounds) + 2 if self.kind == "histogram" else 1


def encode_family(number: int, family: Family) -> bytes:
    """The line that makes `family` known as `number`."""
    return json.dumps(family_fields(number, family)).encode() + b"\n"


def family_fields(number: int, family: Family) -> list:
    """What `encode_family` writes down."""
    f = family
    scale = [f.scale] if f.scale != 1 else []
    return ["f", number, f.name, f.kind, f.help, f.labels, f.bounds, f.merge, *scale]


def encode_series(number: int, first: int, values: tuple[str, ...]) -> bytes:
    """The line that says which label set of family `number` begins at cell `first`."""
    return json.dumps(["s", number, first, values]).encode() + b"\n"


def decode_family(line: list) -> Family:
    """The inverse of `encode_family`, from the parsed line."""
    name, kind, help_, labels, bounds, merge, *scale = line[2:]
    return Family(name, kind, help_, tuple(labels), tuple(bounds), merge, *scale)


def clean_value(value: str) -> str:
    """A label value that can be shown anywhere: no lone surrogates, not too long."""
    return value.encode("utf-8", "backslashreplace").decode()[:LONGEST_VALUE]


def merged(family: Family, one: list[float], other: list[float]) -> list[float]:
    """The cells of one label set in two workers as one."""
    if family.kind == "gauge" and family.merge != "sum":
        return [max(one[0], other[0]) if family.merge == "max" else min(one[0], other[0])]
    return [a + b for a, b in zip(one, other, strict=True)]
