"""Columns: where something stands in a line of a document, told from the line alone.

Nearly nothing that is kept of a document is ever found wrong, so its columns are looked for only then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from gwt.model import yaml12
from gwt.model.route import PluginUse
from gwt.model.yaml12 import PathTuple, YamlError


def place_of(use: PluginUse, path: PathTuple) -> tuple[int, int]:
    """Line and column (from 1, 0: not known) of the key that `path` names in a configuration, or of what is around it.

    The column is where the line's text begins where there is no more to tell.
    """
    line = use.line_of(path)
    lines = use.written.split("\n") if line else []
    if not use.line <= line < use.line + len(lines):
        return line, 1 if line else 0
    return line, column_of(lines[line - use.line], _within(use, path, line))


def _within(use: PluginUse, path: PathTuple, line: int) -> PathTuple:
    """The part of `path` that is written on the line: from the plugin's name on, or from the key that begins it."""
    if line == use.line:
        return (use.name, *path)
    first = next(number for number in range(len(path) + 1) if use.lines.get(path[:number]) == line)
    steps = path[first - 1 :]
    return steps[1:] if isinstance(steps[0], int) else steps


def column_of(text: str, steps: PathTuple) -> int:
    """The column (from 1) of the key at the end of `steps`, which begin anywhere in a line; of the last that is there.

    Where the line's text begins where none is, or more than one.
    """
    begin = len(text) - len(text.lstrip()) + 1
    try:
        root = yaml12.compose(text.rstrip().removesuffix(","))
    except YamlError:  # a part of what goes on elsewhere
        return begin
    while steps:
        found = list(_places(root, steps))
        if found:
            return found[0] + 1 if len(found) == 1 else begin
        steps = steps[:-1]
    return begin


def _places(node: Any, steps: PathTuple) -> Iterator[int]:
    """The column (from 0) of each key that `steps` lead to, from wherever the first of them stands."""
    if not isinstance(node, yaml.CollectionNode):
        return
    for item in node.value:
        key, value = item if isinstance(item, tuple) else (None, item)
        if key is not None and key.value == steps[0]:
            yield from _reached(key, value, steps[1:])
        yield from _places(value, steps)


def _reached(key: Any, value: Any, steps: PathTuple) -> Iterator[int]:
    for step in steps:
        key, value = yaml12.child(value, step)
        if key is None:
            return
    yield key.start_mark.column
