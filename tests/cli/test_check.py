"""gwt.cli.check: every problem at once, in three formats; statuses 0 and 1."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gwt.cli.main import run

Capture = pytest.CaptureFixture[str]
CONFIG = Path(__file__).resolve().parent.parent.parent / "config"

BAD = """\
name: foo
hosts: [foo.example.com]
services:
- name: foo-service
  port: 8080
  paths:
  - uri: /
    access:
      auth_typ: login
      retries: many
"""
GOOD = BAD.replace("      auth_typ: login\n      retries: many\n", "      retries: 3\n")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_good_documents(capsys: Capture) -> None:
    Path("good.yaml").write_text(GOOD)
    assert run(["check", "good.yaml"]) == 0
    assert capsys.readouterr().out == "no problems in 1 file\n"


def test_all_problems_are_told_with_line_and_caret(capsys: Capture) -> None:
    Path("bad.yaml").write_text(BAD)
    assert run(["check", "bad.yaml"]) == 1
    out = capsys.readouterr().out
    assert "bad.yaml:9:7: error: unknown key 'auth_typ', did you mean 'auth_type'?" in out
    assert "     9 |       auth_typ: login\n       |       ^" in out
    assert "bad.yaml:10:" in out


def test_an_unknown_auth_type_is_told_at_its_word_and_where_it_closes(capsys: Capture) -> None:
    Path("sso.yaml").write_text(GOOD.replace("retries: 3", "auth_type: logn"))
    assert run(["check", "sso.yaml"]) == 1
    out = capsys.readouterr().out
    assert "error: unknown auth_type 'logn', did you mean 'login'?" in out
    assert "path '/' is closed with 503: auth_type 'logn' is not known" in out


def test_json_for_machines(capsys: Capture) -> None:
    Path("bad.yaml").write_text(BAD)
    assert run(["check", "--format", "json", "bad.yaml"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [(one["line"], one["severity"]) for one in told] == [(9, "error"), (10, "error")]


def test_commands_for_github(capsys: Capture) -> None:
    Path("bad.yaml").write_text(BAD)
    assert run(["check", "--format", "github", "bad.yaml"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("::error file=bad.yaml,line=9,col=7::")


def test_a_directory_is_one_store(capsys: Capture) -> None:
    Path("d/sub").mkdir(parents=True)
    Path("d/a.yaml").write_text(GOOD)
    Path("d/sub/b.yaml").write_text(GOOD)
    assert run(["check", "d"]) == 1
    out = capsys.readouterr().out
    assert "d/sub/b.yaml:1" in out
    assert "foo" in out


def test_a_gateway_yaml_is_known_by_its_keys_and_brings_its_store(capsys: Capture) -> None:
    Path("routes").mkdir()
    Path("routes/bad.yaml").write_text(BAD)
    Path("mine.yaml").write_text("store: file:./routes\nworkres: 2\n")
    assert run(["check", "mine.yaml"]) == 1
    captured = capsys.readouterr()
    assert "mine.yaml:2:1: error: unknown key 'workres', did you mean 'workers'?" in captured.out
    Path("mine.yaml").write_text("store: file:./routes\n")
    assert run(["check", "mine.yaml"]) == 1
    captured = capsys.readouterr()
    assert "routes/bad.yaml:9:7" in captured.out
    assert "2 errors, 0 warnings in 2 files" in captured.err


def test_without_arguments_it_is_the_gateway_yaml_here(capsys: Capture) -> None:
    Path("gateway.yaml").write_text("drain: soon\n")
    assert run(["check"]) == 1
    assert "gateway.yaml:1:8: error:" in capsys.readouterr().out


def test_with_nothing_here_it_is_the_demo(capsys: Capture) -> None:
    assert run(["check"]) == 0
    assert "no problems in 2 files" in capsys.readouterr().out


def test_the_examples_of_the_source_tree(capsys: Capture) -> None:
    shutil.copytree(CONFIG, "config")
    for file in ("config/gateway.yaml", "config/streams/gateway.yaml"):
        assert run(["check", "--config", file]) == 0
        assert "no problems" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("listeners: {proxy: 'tcp:eighty'}", "listeners.proxy: 'tcp:eighty' is no endpoint"),
        ("listeners: {proxy: 'ssl:443:privateKey=none.pem'}", "none.pem"),
        ("resources: {x: 'no.such.module:thing'}", "resources.x: no.such.module:thing: ModuleNotFoundError"),
    ],
)
def test_what_gateway_yaml_names_must_be_there(text: str, said: str, capsys: Capture) -> None:
    Path("routes").mkdir()
    Path("gateway.yaml").write_text(text)
    assert run(["check"]) == 1
    assert said in capsys.readouterr().out


def test_what_cannot_be_read_is_one_line(capsys: Capture) -> None:
    assert run(["check", "nowhere.yaml"]) == 1
    assert capsys.readouterr().err == "gwt: cannot read nowhere.yaml: No such file or directory\n"
