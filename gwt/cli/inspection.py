"""Inspection: files and directories, each file judged as what it is, and every problem of all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gwt.cli.kinds import CONTROLLER, DOCUMENTS, GATEWAY, SCHEMA, kind_of
from gwt.cli.named import controller_problems, gateway_problems
from gwt.cli.offline import Unreadable, read_bytes, read_files, store_path
from gwt.configuration import Configuration, shown
from gwt.model.configfile import Objection, placed, raw_value, with_text
from gwt.model.route import Problem
from gwt.model.settings import Settings, reveal
from gwt.store.base import StoreError
from gwt.store.open import check_url
from gwt.store.scan import scan

#: Documents: (name in their store, path).
Files = list[tuple[str, Path]]


@dataclass
class Site:
    """A gateway.yaml and the documents that are judged under it; `store` is where its own are, if in files.

    `settings` None: it can't be used. Documents are then judged under the defaults, and what is a mere warning is left
    out: it may come from what is not known of the settings.
    """

    settings: Settings | None
    file: str = ""
    text: str = ""
    store: Path | None = None
    documents: Files = field(default_factory=list)

    def problems(self) -> Iterator[Problem]:
        """What is wrong with its documents, and with what it says of plugins."""
        for problem in read_files(self.documents, self.settings).problems:
            if self.settings is not None or problem.severity == "error":
                yield with_text(self.text, problem) if problem.file == self.file else problem


class Inspection:
    """`look` at paths, then `finish`; the `problems` of settings come before those of documents.

    Documents are one store with those of the one gateway.yaml that there is; where there are several, each has its own.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.files = 0
        self._sites: list[Site] = []
        self._loose: Files = []
        self._under: Site | None = None
        self._seen: set[str] = set()

    def look(self, path: Path) -> None:
        """Take in a file, or all files below a directory. Raises Unreadable where there is no such thing."""
        for name, file in self._below(path) if path.is_dir() else [(path.name, path)]:
            if self._new(file):
                text = read_bytes(file).decode("utf-8", "replace")
                self._takers[kind_of(text, file.name)](self, name, file, text)

    def gateway(self, path: Path, demo: bool = False) -> None:
        """Take in a gateway.yaml, whatever it looks like, and the documents of its store. Raises Unreadable."""
        self._gateway(path.name, path, read_bytes(path).decode("utf-8", "replace"), demo)

    def under(self, path: Path) -> None:
        """Take in a gateway.yaml, under which documents are judged that are not its own. Raises Unreadable."""
        self._new(path)
        self._under = self._site(path, read_bytes(path).decode("utf-8", "replace"))

    def controller(self, path: Path) -> None:
        """Take in a controller.yaml, whatever it looks like. Raises Unreadable."""
        self._controller(path.name, path, read_bytes(path).decode("utf-8", "replace"))

    def finish(self) -> None:
        """Judge the documents."""
        stores = [site.store.resolve() for site in self._sites if site.store is not None]
        loose = [one for one in self._loose if not any(map(one[1].parent.resolve().is_relative_to, stores))]
        if loose:
            self._home().documents += loose
        for site in self._sites:
            self.problems += site.problems()
            self.files += len(site.documents)

    def _home(self) -> Site:
        """Where documents belong that are in no gateway's store."""
        if self._under is None and len(self._sites) != 1:
            self._sites.append(Site(Settings()))
        return self._under or self._sites[-1]

    def _new(self, file: Path) -> bool:
        name, before = os.path.abspath(file), len(self._seen)
        self._seen.add(name)
        return len(self._seen) > before

    def _documents(self, name: str, file: Path, text: str) -> None:
        self._loose.append((name, file))

    def _schema(self, name: str, file: Path, text: str) -> None:
        self.files += 1

    def _controller(self, name: str, file: Path, text: str) -> None:
        self.files += 1
        self.problems += controller_problems(text, shown(file.absolute()))

    def _gateway(self, name: str, file: Path, text: str, demo: bool = False) -> None:
        site = self._site(file, text)
        site.store = self._store(site, file, demo)

    def _site(self, file: Path, text: str) -> Site:
        self.files += 1
        site = Site(None, shown(file.absolute()), text)
        site.settings, found = gateway_problems(text, site.file)
        self.problems += found
        self._sites.append(site)
        return site

    def _store(self, site: Site, file: Path, demo: bool) -> Path | None:
        """Where the documents of a gateway.yaml are, which are taken in; None where they are not in files."""
        settings = site.settings
        if settings is None:
            said = raw_value(site.text, "store", Settings().store, os.environ, site.file)
            if not isinstance(said, str):
                return None
            settings = Settings(store=said)
        try:
            check_url(reveal(settings.store))
            store = store_path(Configuration(None if demo else file, site.text, settings))
            if store is not None:
                site.documents += [(store.name, store)] if demo else self._below(store)
            return store
        except (StoreError, Unreadable) as error:
            self.problems += placed(site.text, site.file, [Objection(("store",), str(error))])
            return None

    def _below(self, path: Path) -> Iterator[tuple[str, Path]]:
        """Every document file of a directory that can be read; what can't is a problem. Raises Unreadable."""
        listing = scan(str(path))
        if "" in listing.blind:
            raise Unreadable(f"cannot read {shown(path)}: {listing.blind['']}")
        blind = dict(listing.blind)
        for name in sorted(listing.files):
            if os.access(path / name, os.R_OK):
                yield name, path / name
            else:
                blind[name] = "Permission denied"
        self.problems += [Problem(shown(path / name), 0, 0, f"cannot be read: {why}") for name, why in blind.items()]

    _takers: dict[str, Callable[..., None]] = {
        DOCUMENTS: _documents, SCHEMA: _schema, CONTROLLER: _controller, GATEWAY: _gateway,
    }  # fmt: skip
