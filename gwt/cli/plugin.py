"""`gwt plugin`: what plugins there are, the schema of one, and a new one to begin with."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Template

from gwt.cli.action import ActionCommand
from gwt.cli.command import CommandError
from gwt.cli.offline import house_of
from gwt.cli.table import columns
from gwt.configuration import data_directory, find, load
from gwt.model.settings import Settings
from gwt.model.validate import suggest
from gwt.phase.installed import Installed
from gwt.phase.plugin import PHASES
from gwt.plugging.desk import broken_lines

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*").fullmatch


class Options(ActionCommand):
    """List plugins, print the schema of one, or write a new one."""

    name = "plugin"
    actions = {"list": (0, 0), "schema": (1, 1), "new": (1, 2)}
    synopsis = "[--config gateway.yaml] list | schema NAME | new NAME [DIRECTORY]"
    longdesc = (
        "`list` shows the plugins that are installed, those of plugin_path in ./gateway.yaml (or --config) included. "
        "`schema NAME` prints the JSON Schema (draft-07) of a plugin's configuration. `new NAME` writes a plugin that "
        "works, and its test, into DIRECTORY (the present one): change them until they do what you want."
    )
    optParameters = [["config", "c", None, "The gateway.yaml whose plugin_path is looked at"]]

    def run(self) -> int:
        installed, words = self._installed(), self["words"]
        if self["action"] == "new":
            if words[0] in installed.types:
                raise CommandError(f"a plugin {words[0]!r} is installed already: choose another name")
            return _new(*words)
        return _schema(installed, words[0]) if self["action"] == "schema" else _list(installed)

    def _installed(self) -> Installed:
        path = find(self["config"])
        settings = Settings() if path is None else load(path).settings
        return house_of(settings).installed


def _schema(installed: Installed, name: str) -> int:
    kind = installed.types.get(name)
    if kind is None:
        why = next((f": {one.why}" for one in installed.broken if one.name == name), suggest(name, installed.types))
        raise CommandError(f"no plugin {name!r} is installed{why}")
    print(json.dumps(kind.schema(), indent=1))
    return 0


def _list(installed: Installed) -> int:
    rows = [("NAME", "PRIORITY", "PHASES", "PLACE")]
    for name in sorted(installed.types):
        kind = installed.types[name]
        phases = " ".join(phase for phase in PHASES if hasattr(kind.cls, phase))
        rows.append((name, str(kind.cls.priority), phases, kind.place))
    print("\n".join([*columns(rows, indent=""), *broken_lines(installed.broken)]))
    return 1 if installed.broken else 0


def _new(name: str, directory: str = ".") -> int:
    """Write NAME.py and test_NAME.py. CommandError where they are there, or NAME is none."""
    if not _NAME(name):
        raise CommandError(f"{name!r} can't be a plugin's name here: words of a-z and 0-9 joined by -")
    module = name.replace("-", "_")
    words = {"name": name, "module": module, "cls": "".join(word.title() for word in name.split("-"))}
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    files = {folder / f"{module}.py": "new-plugin.py.txt", folder / f"test_{module}.py": "new-plugin-test.py.txt"}
    for path in files:
        if path.exists():
            raise CommandError(f"{path} is there already")
    for path, template in files.items():
        path.write_text(Template((data_directory() / template).read_text(encoding="utf-8")).substitute(words))
        print(path)
    return 0
