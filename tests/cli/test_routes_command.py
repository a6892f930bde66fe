"""gwt.cli.routes and gwt.cli.table: one line for each path of each host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gwt.cli.main import run
from gwt.cli.table import columns

Capture = pytest.CaptureFixture[str]
DOCUMENTS = """\
name: foo
hosts: ["foo{mark}.example.com"]
envs: [{mark: "", namespace: foo}, {mark: -test, namespace: test}]
services:
- {name: a, port: 80, paths: [{uri: /}, {uri: "/users/{id}", match: template}]}
---
rules:
- {host: old.example.com, url: /, action: redirect, to: /new}
- {host: old.example.com, url: /secret, action: deny}
---
upstreams: {"foo/a:80": ["10.0.0.1:80", {address: "10.0.0.2:80", ready: false}]}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("routes").mkdir()
    Path("routes/foo.yaml").write_text(DOCUMENTS)
    Path("gateway.yaml").write_text("store: file:./routes\n")


def test_what_goes_where(capsys: Capture) -> None:
    assert run(["routes"]) == 0
    head, *lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert head[0] == "HOST"
    assert ["foo.example.com", "/", "foo/a:80", "1/2", "foo"] in [line[:5] for line in lines]
    assert ["foo-test.example.com", "template", "/users/{id}", "test/a:80"] in [line[:4] for line in lines]
    assert any("redirect" in line for line in lines)
    assert any("deny" in line for line in lines)


def test_only_some_hosts_as_json(capsys: Capture) -> None:
    assert run(["routes", "--format", "json", "-test"]) == 2
    assert run(["routes", "--format", "json", "foo-test"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["host"] for row in rows} == {"foo-test.example.com"}
    assert {row["endpoints"] for row in rows} == {None}


def test_nothing_is_said_of_nothing(capsys: Capture) -> None:
    assert run(["routes", "nowhere"]) == 0
    assert capsys.readouterr().out == "nothing is routed\n"


def test_columns_begin_at_the_same_place_and_empty_ones_are_left_out() -> None:
    assert columns([("a", "", "b"), ("long", "", "c")]) == ["  a     b", "  long  c"]
    assert columns([]) == []
