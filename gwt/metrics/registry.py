"""Metrics: the families of one process, and the handles that count."""

from __future__ import annotations

import os
from bisect import bisect_left

from gwt.metrics.cells import Cells, PrivateCells, SharedCells
from gwt.metrics.family import Family, clean_value, encode_family, encode_series

#: Label sets of one metric; what comes after them is counted under `other`.
CAP = 2000
OTHER = "other"


class Counter:
    """One number that grows. Hot code may say `cells[index] += n` itself."""

    __slots__ = ("cells", "index")

    def __init__(self, cells: memoryview, index: int) -> None:
        self.cells = cells
        self.index = index

    def inc(self, by: int = 1) -> None:
        self.cells[self.index] += by

    @property
    def value(self) -> int:
        """The cell of this process."""
        return self.cells[self.index]


class Gauge(Counter):
    """One number that comes and goes."""

    __slots__ = ()

    def dec(self, by: int = 1) -> None:
        self.cells[self.index] -= by

    def set(self, value: int) -> None:
        self.cells[self.index] = value


class Histogram:
    """Observed values by bucket, and their sum."""

    __slots__ = ("bounds", "index", "store")

    def __init__(self, store: Cells, index: int, bounds: tuple[float, ...]) -> None:
        self.store, self.index, self.bounds = store, index, bounds

    def observe(self, value: float) -> None:
        """`value` in the family's own measure, such as seconds."""
        self.store.cells[self.index + bisect_left(self.bounds, value)] += 1
        self.store.floats[self.index + len(self.bounds) + 1] += value


class Vector:
    """A family in this process: its label sets, made when they are first asked for."""

    def __init__(self, store: Cells, number: int, family: Family, cap: int) -> None:
        self.family = family
        self._store, self._number, self._cap = store, number, cap
        self._first: dict[tuple[str, ...], int] = {}

    def first(self, *values: str) -> int:
        """The first cell of this label set; beyond the cap, of the one called `other`."""
        index = self._first.get(values)
        if index is None:
            if len(values) != len(self.family.labels):
                raise ValueError(f"{self.family.name} has the labels {self.family.labels}")
            if len(self._first) >= self._cap and values != (other := (OTHER,) * len(values)):
                return self.first(*other)
            index = self._first[values] = self._make(values)
        return index

    def _make(self, values: tuple[str, ...]) -> int:
        index = self._store.take(self.family.size)
        named = index and self._store.note(encode_series(self._number, index, tuple(map(clean_value, values))))
        return index if named else 0

    def __len__(self) -> int:
        return len(self._first)


class Metrics:
    """All families of one process. A name means one family: asking twice gives the same one."""

    def __init__(self, store: Cells, directory: str | os.PathLike[str] | None = None, cap: int = CAP) -> None:
        self.store = store
        self.directory = directory
        self.cap = cap
        self.cells = store.cells
        self._vectors: dict[str, Vector] = {}

    @classmethod
    def private(cls, cap: int = CAP) -> Metrics:
        """For a process that works alone."""
        return cls(PrivateCells(), None, cap)

    @classmethod
    def shared(cls, directory: str | os.PathLike[str], cap: int = CAP) -> Metrics:
        """For one of several processes that have `directory` in common. Raises OSError."""
        return cls(SharedCells(directory), directory, cap)

    def vector(self, family: Family, cap: int | None = None) -> Vector:
        """The label sets of `family` in this process. Raises ValueError if its name means something else already."""
        vector = self._vectors.get(family.name)
        if vector is None:
            number = len(self._vectors)
            vector = Vector(self.store, number, family, self.cap if cap is None else cap)
            self._vectors[family.name] = vector
            self.store.note(encode_family(number, family))
        elif vector.family != family:
            raise ValueError(f"{family.name} is already another metric")
        return vector

    def counter(self, name: str, help: str, scale: int = 1, **labels: str) -> Counter:
        """The counter with these labels; a `scale` of 1000 shows thousandths of what was counted."""
        vector = self.vector(Family(name, "counter", help, tuple(labels), scale=scale))
        return Counter(self.cells, vector.first(*labels.values()))

    def gauge(self, name: str, help: str, merge: str = "sum", scale: int = 1, **labels: str) -> Gauge:
        """The gauge with these labels. `merge` tells how those of several workers become one: sum, max or min;
        a `scale` of 1000 shows thousandths of what is set.
        """
        vector = self.vector(Family(name, "gauge", help, tuple(labels), merge=merge, scale=scale))
        return Gauge(self.cells, vector.first(*labels.values()))

    def histogram(self, name: str, help: str, bounds: tuple[float, ...], **labels: str) -> Histogram:
        """The histogram with these labels; `bounds` are the buckets' upper ends, ascending, at most 60."""
        vector = self.vector(Family(name, "histogram", help, tuple(labels), bounds))
        return Histogram(self.store, vector.first(*labels.values()), bounds)
