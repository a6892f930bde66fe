"""The files of config/ and of the demo: each loads without a problem, and gateway.yaml shows every key's default."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from gwt.cli.schema import SCHEMAS, plugin_schemas
from gwt.configuration import data_directory
from gwt.model.controlleroptions import ControllerSettings, load_controller_settings
from gwt.model.document import read_documents
from gwt.model.parse import parse_file
from gwt.model.settings import Settings, load_settings

CONFIG = Path(__file__).resolve().parent.parent / "config"
DOCUMENTS = [*sorted(CONFIG.glob("**/routes/*.yaml")), data_directory() / "demo-routes.yaml"]
SETTINGS = [CONFIG / "gateway.yaml", CONFIG / "streams/gateway.yaml", data_directory() / "demo-gateway.yaml"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_load_without_a_problem(path: Path) -> None:
    parsed = parse_file(path.read_text(), path.name)
    assert parsed.problems == ()
    assert parsed.documents


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.name)
def test_settings_load_without_a_problem(path: Path) -> None:
    settings, problems = load_settings(path.read_text(), "", {})
    assert problems == []
    assert settings is not None


def test_gateway_yaml_shows_every_key_with_its_default() -> None:
    text = (CONFIG / "gateway.yaml").read_text()
    settings, _ = load_settings(text, "", {})
    assert settings is not None
    assert settings.dump() == Settings().dump()
    keys = {field.name for field in fields(Settings)} - {"file"}
    shown = {line.partition(":")[0] for line in text.splitlines() if line[:1].isalpha()}
    assert shown == keys


def test_controller_yaml_shows_every_key_with_its_default() -> None:
    text = (CONFIG / "controller.yaml").read_text()
    settings, problems = load_controller_settings(text, "", {})
    assert problems == []
    assert settings == ControllerSettings()
    shown = {line.partition(":")[0] for line in text.splitlines() if line[:1].isalpha()}
    assert shown == {field.name for field in fields(ControllerSettings)} - {"file"}


@pytest.mark.parametrize("name", ["gateway", "route"])
def test_the_schemas_beside_the_examples_are_those_of_this_release(name: str) -> None:
    written = json.loads((CONFIG / f"{name}.schema.json").read_text())
    schema = SCHEMAS[name](plugin_schemas(Settings()))
    assert written == json.loads(json.dumps(schema)), f"gwt schema {name} > config/{name}.schema.json"


@pytest.mark.parametrize("path", [*DOCUMENTS, *SETTINGS], ids=lambda path: path.name)
def test_the_examples_are_valid_under_them(path: Path) -> None:
    schema = json.loads((CONFIG / f"{'gateway' if path in SETTINGS else 'route'}.schema.json").read_text())
    for document in read_documents(path.read_text(), path.name):
        Draft7Validator(schema).validate(document.value)
