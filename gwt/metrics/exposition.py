"""Prometheus text (version 0.0.4) of what one process or all of them have counted."""

from __future__ import annotations

import os
from collections.abc import Iterator

from gwt.metrics.cells import PrivateCells
from gwt.metrics.family import Family
from gwt.metrics.registry import Metrics
from gwt.metrics.shared import Totals, read_directory, read_lines

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: So many label sets are written in one part.
PART = 50

_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


def exposition(source: Metrics | str | os.PathLike[str]) -> str:
    """The whole text: of all processes that share the directory `source`, or that `source` counts with."""
    return "".join(exposition_parts(source))


def exposition_parts(source: Metrics | str | os.PathLike[str]) -> Iterator[str]:
    """The text in parts, some of them empty, each made in a few milliseconds at most."""
    totals = Totals()
    for _ in _read(source, totals):
        yield ""
    for name in sorted(totals.families):
        family = totals.families[name]
        series = sorted(totals.values.get(name, {}).items())
        if not series:
            continue
        yield f"# HELP {name} {family.help}\n# TYPE {name} {family.kind}\n"
        for start in range(0, len(series), PART):
            yield "".join([_text(family, labels, cells) for labels, cells in series[start : start + PART]])


def _read(source: Metrics | str | os.PathLike[str], totals: Totals) -> Iterator[None]:
    if not isinstance(source, Metrics):
        return read_directory(source, totals)
    if source.directory is not None:
        return read_directory(source.directory, totals)
    assert isinstance(source.store, PrivateCells)
    return read_lines(totals, list(source.store.lines), source.cells, alive=True)


def _text(family: Family, labels: tuple[str, ...], cells: list[float]) -> str:
    named = [f'{name}="{value.translate(_ESCAPES)}"' for name, value in zip(family.labels, labels, strict=True)]
    if family.kind == "histogram":
        return _histogram(family, named, cells)
    shown = cells[0] if family.scale == 1 else cells[0] / family.scale
    return f"{family.name}{_braces(named)} {shown}\n"


def _histogram(family: Family, named: list[str], cells: list[float]) -> str:
    lines: list[str] = []
    total = 0.0
    for bound, count in zip((*family.bounds, "+Inf"), cells, strict=False):
        total += count
        le = f'le="{bound}"'
        lines.append(f"{family.name}_bucket{_braces([*named, le])} {total:.0f}\n")
    lines.append(f"{family.name}_sum{_braces(named)} {cells[-1]!r}\n")
    lines.append(f"{family.name}_count{_braces(named)} {total:.0f}\n")
    return "".join(lines)


def _braces(named: list[str]) -> str:
    return "{" + ",".join(named) + "}" if named else ""
