"""gwt.cli.main: the words after `gwt`, help, hints and exit statuses."""

from __future__ import annotations

from importlib import import_module

import pytest

from gwt import __version__
from gwt.cli.main import COMMANDS, run

Capture = pytest.CaptureFixture[str]


def status_of(*arguments: str) -> int:
    try:
        return run(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def test_without_arguments_it_helps(capsys: Capture) -> None:
    assert status_of() == 0
    out = capsys.readouterr().out
    assert all(name in out for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_helps_and_says_what_it_takes(name: str, capsys: Capture) -> None:
    assert status_of(name, "--help") == 0
    out = capsys.readouterr().out
    assert f"gwt {name}" in out.replace("[options] ", "") or name in out
    assert import_module(f"gwt.cli.{name}").Options.longdesc.split()[0] in out


def test_version(capsys: Capture) -> None:
    assert status_of("--version") == 0
    assert capsys.readouterr().out == f"gwt {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chek"], "did you mean `gwt check`?"),
        (["frobnicate"], "see `gwt --help`"),
        (["check", "--nonsense"], "see `gwt check --help`"),
        (["check", "--format", "jsn"], "did you mean 'json'?"),
        (["explain"], "give one URL"),
        (["explain", "-H", "nocolon", "http://x/"], "a header is NAME:VALUE"),
    ],
)
def test_misuse_is_one_line_and_status_2(arguments: list[str], said: str, capsys: Capture) -> None:
    assert status_of(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("gwt: ")
    assert captured.err.count("\n") == 1
    assert said in captured.err
