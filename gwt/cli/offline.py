"""Documents and configuration as a gateway would read them, with nothing running."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.configuration import Configuration, data_directory, shown
from gwt.fitting import Unfit
from gwt.limiter.node import NodeLimiter
from gwt.login import login_of, nobody
from gwt.model.document import MAX_LINE_TEXT
from gwt.model.route import Problem
from gwt.model.settings import Settings, reveal
from gwt.phase.roster import Roster
from gwt.plugging.house import House
from gwt.snapshot import Snapshot
from gwt.steps import finish
from gwt.store.catalog import Catalog
from gwt.store.parts import read_content
from gwt.store.scan import scan
from gwt.surroundings import Surroundings
from gwt.zones.arena import PrivateArena


class Unreadable(Exception):
    """A file or directory that can't be read; one line for people."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was read: the Snapshot that it would make, its problems, and how many documents and files."""

    snapshot: Snapshot
    problems: tuple[Problem, ...]
    files: int


def files_below(path: Path) -> Iterator[tuple[str, Path]]:
    """(name in the store, path) of a file, or of every document file below a directory. Raises Unreadable."""
    if not path.is_dir():
        yield path.name, path
        return
    listing = scan(str(path))
    if listing.blind:
        name, reason = next(iter(listing.blind.items()))
        raise Unreadable(f"cannot read {shown(path / name)}: {reason}")
    for name in sorted(listing.files):
        yield name, path / name


def read_bytes(path: Path) -> bytes:
    """The content of a file. Raises Unreadable."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"cannot read {shown(path)}: {error.strerror}") from error


def read_store(paths: Sequence[Path], settings: Settings | None = None) -> Found:
    """Everything in `paths` (files and directories) as one store. Raises Unreadable."""
    return read_files([found for path in paths for found in files_below(path)], settings)


def read_files(files: Sequence[tuple[str, Path]], settings: Settings | None = None) -> Found:
    """Files, each with its name in the store, as one store. Raises Unreadable."""
    catalog, names = Catalog(), dict[str, Path]()
    for written, file in files:
        name = shown(file) if written in names else written  # two directories may have files of one name
        names[name] = file
        catalog.put(name, read_content(read_bytes(file), name))
    delta = finish(catalog.settle())
    surroundings = surroundings_of(settings or Settings())
    unfit: tuple[Problem, ...] = ()
    try:
        empty = empty_snapshot(surroundings)
    except Unfit as error:  # the documents may still be judged
        unfit, surroundings = error.problems, replace(surroundings, plugins=())
        empty = empty_snapshot(surroundings)
    snapshot = compile_now(empty, delta, surroundings)
    problems = [_placed(one, names[one.file]) if one.file in names else one for one in snapshot.problems()]
    return Found(snapshot, (*unfit, *problems), len(files))


def _placed(problem: Problem, file: Path) -> Problem:
    """With the file as people call it, and the line as it stands there where that is not known yet."""
    problem = replace(problem, file=shown(file))
    if problem.text or not problem.line:
        return problem
    lines = read_bytes(file).decode("utf-8", "replace").splitlines()
    text = lines[problem.line - 1][:MAX_LINE_TEXT] if problem.line <= len(lines) else ""
    return replace(problem, text=text, column=max(problem.column, len(text) - len(text.lstrip()) + 1))


def house_of(settings: Settings) -> House:
    """The plugins that a gateway with these settings would find on this machine."""
    base = Path(settings.file).parent
    house = House([base / path for path in settings.plugin_path])
    house.look()
    return house


def surroundings_of(settings: Settings) -> Surroundings:
    """What Snapshots depend on besides documents, with a clock that stands still; no plugin is started."""
    return Surroundings(
        registry=Registry(lambda: 0.0, lambda: 0.5),
        access=settings.access,
        plugins=settings.global_plugins,
        file=settings.file or "gateway.yaml",
        resources=frozenset(settings.resources),
        escaped_slashes=settings.paths.escaped_slashes,
        merge_slashes=settings.paths.merge_slashes,
        installed=house_of(settings).installed,
        local=None if settings.plugins is None else frozenset(settings.plugins),
        login=login_of(settings.identity, nobody),
        limiter=NodeLimiter(PrivateArena(), slots=1),
        streams=frozenset(settings.listeners.stream),
        roster=Roster(served=False),
    )


def store_path(configuration: Configuration) -> Path | None:
    """The directory (or the demo's file) that the configuration's store is; None where it is not in files."""
    if configuration.is_demo:
        return data_directory() / "demo-routes.yaml"
    kind, _, rest = reveal(configuration.settings.store).partition(":")
    return configuration.base / rest.removeprefix("//") if kind == "file" else None
