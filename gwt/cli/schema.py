"""`gwt schema`: the JSON Schema for editors and other tools."""

from __future__ import annotations

import json

from gwt.cli.command import Command
from gwt.cli.offline import house_of
from gwt.configuration import find, load
from gwt.model.derive import Schema
from gwt.model.schema import document_schema, settings_schema
from gwt.model.settings import Settings

SCHEMAS = {"route": document_schema, "gateway": settings_schema}


class Options(Command):
    """Print the JSON Schema of documents or of gateway.yaml."""

    synopsis = "[--config gateway.yaml] [route|gateway]"
    longdesc = (
        "Prints the JSON Schema (draft-07) of a document of the store (the default), or of gateway.yaml. It knows the "
        "configurations of all plugins that are installed, those of plugin_path in ./gateway.yaml (or --config) "
        "included. Editors with a yaml-language-server use it where a file begins with "
        "`# yaml-language-server: $schema=route.schema.json`."
    )
    optParameters = [["config", "c", None, "The gateway.yaml whose plugin_path and `plugins` are looked at"]]

    def parseArgs(self, what: str = "route") -> None:
        self["what"] = what

    def postOptions(self) -> None:
        self.one_of("what", tuple(SCHEMAS))

    def run(self) -> int:
        path = find(self["config"])
        plugins = plugin_schemas(Settings() if path is None else load(path).settings)
        print(json.dumps(SCHEMAS[self["what"]](plugins), indent=1))
        return 0


def plugin_schemas(settings: Settings) -> dict[str, Schema]:
    """Name -> schema of a configuration, of each plugin that is installed or that the local list expects to be."""
    expected: dict[str, Schema] = {name: {"type": "object"} for name in settings.plugins or ()}
    return {**expected, **{name: kind.schema() for name, kind in house_of(settings).installed.types.items()}}
