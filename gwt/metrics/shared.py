"""What all processes that count in one directory have counted, the dead ones included.

A process whose registry is no longer locked is dead: its counters stay, its gauges mean nothing any more. `fold` puts
the counters of the dead into `folded.json` and removes their files.
"""

from __future__ import annotations

import fcntl
import json
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from struct import pack, unpack

from gwt.metrics.family import Family, decode_family, family_fields, merged

FOLDED = "folded.json"
#: So many label sets are read between two yields.
SLICE = 200


class Totals:
    """Families by name with the cells of each label set, over any number of processes."""

    def __init__(self) -> None:
        self.families: dict[str, Family] = {}
        self.values: dict[str, dict[tuple[str, ...], list[float]]] = {}

    def add(self, family: Family, labels: tuple[str, ...], cells: list[float]) -> None:
        """Count one label set in. A family that another release defined differently is left out."""
        if self.families.setdefault(family.name, family) != family:
            return
        values = self.values.setdefault(family.name, {})
        before = values.get(labels)
        values[labels] = cells if before is None else merged(family, before, cells)

    def add_all(self, other: Totals) -> Iterator[None]:
        """Count everything of `other` in; yields now and then."""
        for name, values in other.values.items():
            for number, (labels, cells) in enumerate(values.items()):
                self.add(other.families[name], labels, cells)
                if number % SLICE == SLICE - 1:
                    yield


def read_lines(totals: Totals, lines: Iterable[bytes], cells: Sequence[int], alive: bool) -> Iterator[None]:
    """Add what one process has counted: its registry and its cells. Yields now and then."""
    families: dict[int, Family] = {}
    for count, line in enumerate(lines):
        fields = json.loads(line)
        if fields[0] == "f":
            families[fields[1]] = decode_family(fields)
        else:
            _, number, first, values = fields
            family = families.get(number)
            if family is not None and (alive or family.kind != "gauge"):
                totals.add(family, tuple(values), _numbers(family, cells[first : first + family.size]))
        if count % SLICE == SLICE - 1:
            yield


def _numbers(family: Family, cells: Sequence[int]) -> list[float]:
    """The cells of one label set as what they mean: the sum of a histogram is a double."""
    numbers: list[float] = list(cells)
    if family.kind == "histogram":
        numbers[-1] = unpack("d", pack("q", cells[-1]))[0]
    return numbers


def read_process(directory: Path, id: str, totals: Totals) -> Iterator[None]:
    """Add one process's counts. Raises FileNotFoundError if its files are gone (they were folded)."""
    alive = is_alive(directory / f"{id}.names")
    text = (directory / f"{id}.names").read_bytes()
    lines = text[: text.rfind(b"\n") + 1].splitlines()
    yield
    with (directory / f"{id}.cells").open("rb") as file:
        cells = array("q", file.read(_used(lines) * 8))
    yield from read_lines(totals, lines, cells, alive)


def _used(lines: Sequence[bytes]) -> int:
    """The number of cells that a registry speaks of: its last series ends them (histograms are below 64 cells)."""
    for line in reversed(lines):
        fields = json.loads(line)
        if fields[0] == "s":
            return fields[2] + 64
    return 0


def is_alive(names: Path) -> bool:
    """True while the process that made this registry lives. Raises FileNotFoundError."""
    file = os.open(names, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def read_directory(directory: str | os.PathLike[str], totals: Totals) -> Iterator[None]:
    """Add the counts of every process, living or dead. Yields now and then."""
    path = Path(directory)
    seen: dict[str, Totals] = {}
    for names in sorted(path.glob("*.names")):
        one = Totals()
        try:
            yield from read_process(path, names.stem, one)
        except FileNotFoundError:
            continue  # folded in the meantime: its counts are read below
        seen[names.stem] = one
    # Read last: what was folded after its files were read must not count twice.
    folded, ids = read_folded(path)
    yield from add_folded(totals, folded)
    for id, one in seen.items():
        if id not in ids:
            yield from totals.add_all(one)


def read_folded(directory: Path) -> tuple[list, set[str]]:
    """The families of the dead, as `fold` has written them, and whose they are."""
    try:
        stored = json.loads((directory / FOLDED).read_bytes())
    except FileNotFoundError:
        return [], set()
    return stored["families"], set(stored["ids"])


def add_folded(totals: Totals, families: list) -> Iterator[None]:
    """Add the counts of the dead. Yields now and then."""
    for line, series in families:
        family = decode_family(line)
        for number, (labels, cells) in enumerate(series):
            totals.add(family, tuple(labels), cells)
            if number % SLICE == SLICE - 1:
                yield


def fold(directory: str | os.PathLike[str]) -> list[str]:
    """Put together what dead processes have counted, remove their files, and return their ids.

    For the supervisor alone, after a death; nothing is lost or doubled if it is cut short. Raises OSError
    if there is no room: the files then stay, and count as before.
    """
    path = Path(directory)
    families, ids = read_folded(path)
    totals = Totals()
    _exhaust(add_folded(totals, families))
    dead = []
    for names in sorted(path.glob("*.names")):
        if is_alive(names):
            continue
        dead.append(names.stem)
        if names.stem not in ids:
            _exhaust(read_process(path, names.stem, totals))
    if dead:
        _write_folded(path, totals, ids.union(dead))
        for id in dead:
            (path / f"{id}.names").unlink()
            (path / f"{id}.cells").unlink(missing_ok=True)
    return dead


def _exhaust(steps: Iterator[None]) -> None:
    for _ in steps:
        continue


def _write_folded(path: Path, totals: Totals, ids: set[str]) -> None:
    families = []
    for name, family in totals.families.items():
        values = [[labels, cells] for labels, cells in totals.values.get(name, {}).items()]
        families.append([family_fields(0, family), values])
    new = path / f"{FOLDED}.new"
    new.write_bytes(json.dumps({"ids": sorted(ids), "families": families}).encode())
    new.rename(path / FOLDED)
