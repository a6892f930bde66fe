"""gwt upstream."""

from __future__ import annotations

import json

import pytest
from cli.answering import answering

from gwt.cli.main import run

Capture = pytest.CaptureFixture[str]
ONE = {"name": "n/s:80", "endpoints": [{"address": "10.0.0.1:80", "weight": 1, "ready": True},
                                       {"address": "10.0.0.2:80", "weight": 3, "ready": False}]}  # fmt: skip


def test_listing(capsys: Capture) -> None:
    answers = {"/v1/upstreams": {"upstreams": [ONE, {"name": "u", "endpoints": []}]}, "/v1/upstreams/n/s:80": ONE}
    with answering(answers) as (url, _):
        assert run(["upstream", "--admin", url]) == 0
        lines = [line.split() for line in capsys.readouterr().out.splitlines()]
        assert lines == [["n/s:80", "10.0.0.1:80", "weight", "1", "ready"],
                         ["10.0.0.2:80", "weight", "3", "not", "ready"], ["u", "no", "endpoint"]]  # fmt: skip
        assert run(["upstream", "list", "n/s:80", "--json", "--admin", url]) == 0
    assert json.loads(capsys.readouterr().out) == ONE


def test_changes(capsys: Capture) -> None:
    with answering({"/v1/upstreams/n/s:80": {"revision": 4}}) as (url, asked):
        assert run(["upstream", "--admin", url, "put", "n/s:80", "10.0.0.1", "10.0.0.2:81=3", "[::1]:5"]) == 0
        assert run(["upstream", "--admin", url, "delete", "n/s:80"]) == 0
        assert run(["upstream", "--admin", url, "delete", "u"]) == 1
    endpoints = [{"address": "10.0.0.1:80"}, {"address": "10.0.0.2:81", "weight": 3}, {"address": "[::1]:5"}]
    assert asked[:2] == [
        ("PUT", "/v1/upstreams/n/s:80", {"endpoints": endpoints}),
        ("DELETE", "/v1/upstreams/n/s:80", None),
    ]
    assert capsys.readouterr().out.splitlines() == ["services revision 4: n/s:80"] * 2


@pytest.mark.parametrize(
    "words", [["lst"], ["put", "u"], ["delete"], ["put", "u", "10.0.0.1=x"], ["put", "u", "10.0.0.1:x"]]
)
def test_misuse(words: list[str], capsys: Capture) -> None:
    assert run(["upstream", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1
