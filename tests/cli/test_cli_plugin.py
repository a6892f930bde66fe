"""`gwt plugin`: list, schema, new; and what `gwt check` and `gwt explain` say of plugins."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gwt.cli.main import run

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).resolve().parent.parent.parent


def test_new_ones_work_and_pass_their_tests(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["plugin", "new", "my-thing", "plugins"]) == 0
    assert capsys.readouterr().out.split() == ["plugins/my_thing.py", "plugins/test_my_thing.py"]
    path = [str(ROOT), *filter(None, sys.path)]
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; import pytest; sys.exit(pytest.main())"]
    tested = subprocess.run(command, cwd=tmp_path / "plugins", capture_output=True, text=True, timeout=60)
    assert tested.returncode == 0, tested.stdout
    (tmp_path / "gateway.yaml").write_text("plugin_path: [plugins]\n")
    assert run(["plugin"]) == 0
    listed = capsys.readouterr().out
    assert "my-thing" in listed and "request-id" in listed and "test_my_thing" not in listed
    assert run(["plugin", "schema", "my-thing"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["most"] == {"type": "integer", "default": 60}
    assert run(["plugin", "new", "my-thing", "plugins"]) == 1
    assert "already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["plugin", "nwe", "x"], 2, "did you mean 'new'?"),
        (["plugin", "schema"], 2, "schema NAME"),
        (["plugin", "new", "a", "b", "c"], 2, "new NAME"),
        (["plugin", "schema", "requst-id"], 1, "did you mean 'request-id'?"),
        (["plugin", "new", "Bad_Name"], 1, "can't be a plugin's name"),
    ],
)
def test_misuse(arguments: list[str], status: int, said: str, tmp_path: Path, capsys: Capture,
                monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == status
    assert said in capsys.readouterr().err


GATEWAY = """\
plugin_path: [plugins]
global_plugins:
  request-id:
    header_nam: X-Id
"""
ROUTE = """\
name: foo
hosts: [foo.example.com]
plugins:
  response-rewrite:
    headers:
      set: {Content-Length: "1"}
services:
- upstream: u
  paths:
  - uri: /
    plugins: {nothing-of-this-name: {}}
  - uri: /b
    plugins:
      response-rewrite:
        status_code: 9
"""


def test_check_names_file_line_and_field(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (("gateway.yaml", GATEWAY), ("routes/foo.yaml", ROUTE), ("plugins/bad.py", "def x(:")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert run(["check"]) == 1
    told = capsys.readouterr().out
    assert "gateway.yaml:4:5: error: plugin 'request-id': header_nam: unknown key 'header_nam', did you mean" in told
    assert "routes/foo.yaml:5:5: error: plugin 'response-rewrite': headers: the header Content-Length is set by" in told
    assert "gateway.yaml:1:15: error: plugins/bad.py is no plugin: line 1: " in told


def test_explain_shows_them_in_order(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "routes").mkdir()
    settings = "global_plugins: {request-id: {}}\nplugins: [request-id, response-rewrite]\n"
    (tmp_path / "gateway.yaml").write_text(settings)
    text = ROUTE.replace("Content-Length", "X-A").replace("status_code: 9", "_meta: {mode: report}")
    text = text.replace("nothing-of-this-name: {}", "none: {_meta: {optional: true}}")
    (tmp_path / "routes/foo.yaml").write_text(text)
    run(["explain", "http://foo.example.com/b"])
    lines = capsys.readouterr().out.partition("plugins  (in")[2].splitlines()[1:]
    words = [line.split() for line in lines if line.strip()][:2]
    assert words[0][:4] == ["request-id", "12000", "rewrite", "header_filter"] and "global" in words[0]
    assert words[1][:4] == ["response-rewrite", "899", "header_filter", "report"] and "path" in words[1]
    run(["explain", "--format", "json", "http://foo.example.com/"])
    plugins = json.loads(capsys.readouterr().out)["winner"]["plugins"]
    assert [(one["name"], one["state"]) for one in plugins] == [
        ("request-id", "runs"), ("response-rewrite", "runs"), ("none", "absent"),
    ]  # fmt: skip
    assert plugins[1]["set_by"] == "route foo (foo.yaml:4)"


def test_a_name_that_is_taken_is_refused(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["plugin", "new", "cors"]) == 1
    assert "installed already" in capsys.readouterr().err and list(tmp_path.iterdir()) == []


def test_check_tells_of_all_plugins_at_once(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "routes").mkdir()
    (tmp_path / "gateway.yaml").write_text("store: file:./routes\n")
    (tmp_path / "routes/a.yaml").write_text(
        "hosts: [a.example.com]\n"
        "services:\n"
        "- upstream: u\n"
        "  plugins:\n"
        "    redirect: {uri: 7}\n"
        "  paths:\n"
        "  - uri: /\n"
        "    plugins:\n"
        "      limit-count: {count: x}\n"
        "      cors: {_meta: {mode: maybe}}\n"
        "  - uri: /x\n"
        "    plugins:\n"
        "      uri-blocker: {block_rules: 1}\n"
    )
    assert run(["check"]) == 1
    told = capsys.readouterr().out
    for line, name in ((5, "redirect"), (9, "limit-count"), (10, "cors"), (13, "uri-blocker")):
        assert sum(f"routes/a.yaml:{line}:" in one and repr(name) in one for one in told.splitlines()) >= 1, (
            name,
            told,
        )
    assert "      limit-count: {count: x}" in told and "^" in told
