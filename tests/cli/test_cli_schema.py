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


PLUGIN = """\
from dataclasses import dataclass
from gwt.phase.plugin import Plugin

@dataclass(frozen=True)
class Local(Plugin):
    name = "my-local"
    priority = 5
    size: int = 1

    def access(self, ctx):
        return None
"""


def test_it_knows_the_plugins_of_a_gateway_yaml(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").mkdir()
    (tmp_path / "p/local.py").write_text(PLUGIN)
    (tmp_path / "g.yaml").write_text("plugin_path: [p]\nplugins: [cors, my-local, elsewhere]\n")
    for arguments, known in (["route"], False), (["--config", "g.yaml"], True), (["gateway", "-c", "g.yaml"], True):
        assert run(["schema", *arguments]) == 0
        schema = json.loads(capsys.readouterr().out)
        named = schema["definitions"]["Plugins"]["properties"]
        assert {"cors", "limit-count", "key-auth"} <= named.keys()
        assert ({"my-local", "elsewhere"} <= named.keys()) == known
    validator = Draft7Validator(schema)
    assert validator.is_valid({"global_plugins": {"my-local": {"size": 5, "_meta": {"mode": "report"}}}})
    assert not validator.is_valid({"global_plugins": {"my-local": {"size": "x"}}})
