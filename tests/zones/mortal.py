"""Memory whose writer dies: after so many writes the next one raises Died, and nothing more is written."""

from __future__ import annotations

from typing import Any

from gwt.zones.table import Table


class Died(BaseException):
    """The process is gone."""


class Life:
    """So many writes are left."""

    def __init__(self, writes: int) -> None:
        self.left = writes

    def write(self) -> None:
        if self.left == 0:
            raise Died
        self.left -= 1


class Mortal:
    """One view of the memory."""

    def __init__(self, view: Any, life: Life) -> None:
        self._view, self._life = view, life

    def __getitem__(self, at: Any) -> Any:
        return self._view[at]

    def __setitem__(self, at: Any, value: Any) -> None:
        self._life.write()
        self._view[at] = value


class dying:
    """`with dying(table, writes) as life:` at most `writes` are done in there; `life.left` tells how many are left."""

    def __init__(self, table: Table, writes: int) -> None:
        self._table, self.life = table, Life(writes)
        self._views = table.integers, table.floats, table.memory

    def __enter__(self) -> Life:
        table: Any = self._table
        table.integers, table.floats, table.memory = (Mortal(view, self.life) for view in self._views)
        return self.life

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        self._table.integers, self._table.floats, self._table.memory = self._views
        return isinstance(error, Died)
