"""gwt certificate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.answering import answering

from gwt.cli.main import run

Capture = pytest.CaptureFixture[str]
ONE = {"name": "n/www", "names": ["www.x", "*.x"], "ends": "2030-01-01T00:00:00Z", "fingerprint": "ab" * 32}
WRONG = {**ONE, "problems": [{"file": "certificates/n/www", "message": "the private key can't be read"}]}


def test_listing(capsys: Capture) -> None:
    answers = {"/v1/certificates": {"certificates": [ONE]}, "/v1/certificates/n/www": WRONG}
    with answering(answers) as (url, _):
        assert run(["certificate", "--admin", url]) == 0
        assert capsys.readouterr().out.split() == [
            "n/www", "www.x,", "*.x", "until", "2030-01-01T00:00:00Z", "abababababababab",
        ]  # fmt: skip
        assert run(["certificate", "--admin", url, "list", "n/www"]) == 0
        assert "certificates/n/www: the private key can't be read" in capsys.readouterr().out
        assert run(["certificate", "--json", "--admin", url, "list", "n/www"]) == 0
    assert json.loads(capsys.readouterr().out) == WRONG


def test_an_empty_store(capsys: Capture) -> None:
    with answering({"/v1/certificates": {"certificates": []}}) as (url, _):
        assert run(["certificate", "--admin", url]) == 0
    assert capsys.readouterr().out == "the store holds no certificate\n"


def test_changes(capsys: Capture, tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("cert", "key", "ca")]
    for file in files:
        Path(file).write_text(Path(file).name)
    asking = ["--names", "a.x, b.x", "--client-auth", "require", "--ca", files[2]]
    with answering({"/v1/certificates/n/www": {"revision": 4}}) as (url, asked):
        assert run(["certificate", "--admin", url, "put", "n/www", *files[:2]]) == 0
        assert run(["certificate", "--admin", url, *asking, "put", "n/www", *files[:2]]) == 0
        assert run(["certificate", "--admin", url, "delete", "n/www"]) == 0
        assert run(["certificate", "--admin", url, "put", "n/www", files[0], str(tmp_path / "none")]) == 1
    plain = {"cert": "cert", "key": "key"}
    more = {"names": ["a.x", "b.x"], "client_auth": {"mode": "require", "ca": "ca"}}
    path = "/v1/certificates/n/www"
    assert asked == [("PUT", path, plain), ("PUT", path, {**plain, **more}), ("DELETE", path, None)]
    told = capsys.readouterr()
    assert told.out.splitlines() == ["certificates revision 4: n/www"] * 3 and "cannot read" in told.err


@pytest.mark.parametrize("words", [["lst"], ["put", "n", "cert"], ["delete"], ["--ca", "x", "put", "n", "c", "k"]])
def test_misuse(words: list[str], capsys: Capture) -> None:
    assert run(["certificate", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1
