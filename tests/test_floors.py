"""Imports run downwards only: the table of docs/architecture.md is the law, the imports are read from the source.

A room is a folder of gwt/, or gwt/ itself. A module may import from lower floors and from its own room on its own
floor; on the top floor, where everything is wired, rooms may import each other.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOP = 7


def read_table(text: str) -> dict[str, int]:
    """Map `model/` or `errors.py` to its floor, as the table of the architecture page has it."""
    floors: dict[str, int] = {}
    for number, rooms in re.findall(r"^\| F(\d) \| ([^|]+) \|", text, re.M):
        floors.update({room: int(number) for room in re.findall(r"`([^`]+)`", rooms)})
    return floors


FLOORS = read_table((ROOT / "docs/architecture.md").read_text())


def room_of(path: Path) -> str:
    """`model/` for gwt/model/parse.py, `errors.py` for gwt/errors.py."""
    parts = path.relative_to(ROOT / "gwt").parts
    return parts[0] if len(parts) == 1 else parts[0] + "/"


def sources() -> Iterator[Path]:
    for path in sorted((ROOT / "gwt").rglob("*.py")):
        if path.name != "__init__.py" or path.read_text().strip():
            yield path


def resolve(name: str) -> Path | None:
    """The file of a module of gwt, None where `name` is something inside a module (or does not exist)."""
    base = ROOT.joinpath(*name.split("."))
    if base.with_suffix(".py").is_file():
        return base.with_suffix(".py")
    return base / "__init__.py" if (base / "__init__.py").is_file() else None


def nodes(path: Path, at_import: bool) -> Iterator[ast.AST]:
    """The syntax of a module; `at_import` leaves out functions and `if TYPE_CHECKING`, which run no import."""
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        yield node
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or (
            isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        )
        if not (at_import and later):
            waiting.extend(ast.iter_child_nodes(node))


def imported(path: Path, at_import: bool = False) -> Iterator[tuple[int, str]]:
    """Every absolute name that `path` imports, with its line; `from a import b` gives a.b and, if b is no module, a."""
    package = ["gwt", *path.relative_to(ROOT / "gwt").parts[:-1]]
    for node in nodes(path, at_import):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{module}.{alias.name}"
                yield node.lineno, full if not module.startswith("gwt") or resolve(full) else module


def edges(at_import: bool = False) -> Iterator[tuple[Path, int, Path]]:
    for path in sources():
        for line, name in imported(path, at_import):
            if name == "gwt" or name.startswith("gwt."):
                target = resolve(name)
                if target is not None and target != path:
                    yield path, line, target


def allowed(path: Path, target: Path) -> bool:
    if target == ROOT / "gwt/__init__.py":
        return True
    here, there = FLOORS[room_of(path)], FLOORS[room_of(target)]
    together = path.parent == target.parent or room_of(path) == room_of(target)
    return there < here or (there == here and (together or here == TOP))


def test_every_room_has_a_floor() -> None:
    known = {"__init__.py", *FLOORS}
    lost = sorted({room_of(path) for path in sources()} - known)
    assert not lost, f"not in the table of docs/architecture.md: {lost}"


def test_imports_run_downwards() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {target.relative_to(ROOT)}"
        for path, line, target in edges()
        if not allowed(path, target)
    ]
    assert not wrong, "\n".join(wrong)


def test_lower_floors_know_no_twisted() -> None:
    wrong = []
    for path in sources():
        floor = FLOORS.get(room_of(path), 0)
        for line, name in imported(path):
            foreign = name == "twisted" or name.startswith("twisted.")
            if foreign and (floor < 2 or (floor == 2 and not name.startswith("twisted.internet.defer"))):
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name} on floor {floor}")
    assert not wrong, "\n".join(wrong)


def test_the_reactor_is_an_argument_below_the_top() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sources()
        for line, name in imported(path)
        if name.startswith("twisted.internet.reactor") and FLOORS.get(room_of(path), 0) < TOP
    ]
    assert not wrong, f"the global reactor is imported below floor {TOP}: {wrong}"


def test_nothing_imports_what_is_for_tests() -> None:
    wrong = [path for path, _, target in edges() if room_of(target) == "testing/" != room_of(path)]
    assert not wrong


def test_no_import_cycles() -> None:
    graph: dict[Path, set[Path]] = {}
    for path, _, target in edges(at_import=True):
        graph.setdefault(path, set()).add(target)
    done: set[Path] = set()

    def visit(path: Path, trail: tuple[Path, ...]) -> None:
        assert path not in trail, " -> ".join(str(p.relative_to(ROOT)) for p in (*trail, path))
        if path not in done:
            for target in graph.get(path, ()):
                visit(target, (*trail, path))
            done.add(path)

    for path in list(graph):
        visit(path, ())


def test_the_table_is_read() -> None:
    assert FLOORS["errors.py"] == 0
    assert FLOORS["wire/"] == 1
    assert FLOORS["tap.py"] == TOP
