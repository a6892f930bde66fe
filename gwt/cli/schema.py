"""`gwt schema`: the JSON Schema for editors and other tools."""

from __future__ import annotations

import json

from gwt.cli.command import Command
from gwt.model.schema import document_schema, settings_schema

SCHEMAS = {"route": document_schema, "gateway": settings_schema}


class Options(Command):
    """Print the JSON Schema of documents or of gateway.yaml."""

    synopsis = "[route|gateway]"
    longdesc = (
        "Prints the JSON Schema (draft-07) of a document of the store (the default), or of gateway.yaml. Editors with "
        "a yaml-language-server use it where a file begins with `# yaml-language-server: $schema=route.schema.json`."
    )

    def parseArgs(self, what: str = "route") -> None:
        self["what"] = what

    def postOptions(self) -> None:
        self.one_of("what", tuple(SCHEMAS))

    def run(self) -> int:
        print(json.dumps(SCHEMAS[self["what"]](), indent=1))
        return 0
