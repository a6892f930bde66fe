"""`gwt audit`: rows for people, findings for CI, from files and from a gateway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gwt.cli import audit as command
from gwt.cli.main import run

Capture = pytest.CaptureFixture[str]
DOCUMENTS = """\
name: foo
hosts: [foo.example.com]
namespace: foo
services:
- name: a
  port: 80
  paths:
  - {uri: /}
  - {uri: /admin}
---
name: bar
hosts: [bar.example.com]
namespace: bar
services: [{name: b, port: 80, paths: [{uri: /, headers: {X-A: "1"}, plugins: {gone: {}}}]}]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("routes").mkdir()
    Path("routes/foo.yaml").write_text(DOCUMENTS)
    Path("gateway.yaml").write_text("store: file:./routes\n")


def test_everything_that_is_reachable(capsys: Capture) -> None:
    assert run(["audit"]) == 0
    head, *lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert head == ["HOST", "PATH", "AUTH", "LIMITS", "LISTS", "ROUTE", "PLACE"]
    assert ["foo.example.com", "/admin", "public", "foo", "routes/foo.yaml:9"] in lines
    assert ["bar.example.com", "/", "(if", "1)", "closed", "(policy)", "bar", "routes/foo.yaml:14"] in lines
    assert run(["audit", "nowhere"]) == 0 and capsys.readouterr().out == "nothing is routed\n"


def test_findings_end_with_1_and_say_where(capsys: Capture) -> None:
    assert run(["audit", "--fail-on", "public:/admin*"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("routes/foo.yaml:9: error: public:/admin*: foo.example.com/admin is answered by /admin")
    assert run(["audit", "--fail-on", "public:bar.example.com/*", "--fail-on", "closed:foo.*/*"]) == 0
    assert capsys.readouterr().out == "no path breaks any of the 2 rules\n"
    assert run(["audit", "--fail-on", "pblic:/*"]) == 2
    assert "did you mean 'public'?" in capsys.readouterr().err


def test_as_json(capsys: Capture) -> None:
    assert run(["audit", "-f", "json", "--fail-on", "closed:*"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {row["host"] for row in told["entries"]} == {"bar.example.com", "foo.example.com"}
    assert [(one["rule"], one["place"], one["uri"]) for one in told["findings"]] == [
        ("closed:/*", "routes/foo.yaml:14", "/")
    ]


def test_a_running_gateway_is_asked(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["audit", "-f", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["entries"]
    asked: list[Any] = []

    def ask(*question: Any) -> Any:
        asked.append(question)
        return {"revision": 1, "entries": rows}

    monkeypatch.setattr(command, "ask", ask)
    assert run(["audit", "--admin", "http://127.0.0.1:1", "--fail-on", "public:/admin"]) == 1
    assert asked == [("http://127.0.0.1:1", "/v1/routes", [("view", "audit")])]


def test_a_store_elsewhere_needs_a_gateway(capsys: Capture) -> None:
    Path("gateway.yaml").write_text("store: redis://127.0.0.1:1/0\n")
    assert run(["audit"]) == 1
    assert "ask a gateway with --admin" in capsys.readouterr().err
