"""gwt.cli.schema: JSON Schema that other tools accept and that accepts the examples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

from gwt.cli.main import run

Capture = pytest.CaptureFixture[str]
CONFIG = Path(__file__).resolve().parent.parent.parent / "config"


@pytest.mark.parametrize("what", ["route", "gateway"])
def test_it_is_draft_7(what: str, capsys: Capture) -> None:
    assert run(["schema", what]) == 0
    schema = json.loads(capsys.readouterr().out)
    Draft7Validator.check_schema(schema)
    files = [CONFIG / "gateway.yaml"] if what == "gateway" else sorted((CONFIG / "routes").glob("*.yaml"))
    for file in files:
        for document in yaml.safe_load_all(file.read_text()):
            Draft7Validator(schema).validate(document)


def test_what_else_is_misuse(capsys: Capture) -> None:
    assert run(["schema", "gatewy"]) == 2
    assert "did you mean 'gateway'?" in capsys.readouterr().err
