"""gwt.tap: the options of `twistd gateway`, and what they settle for twistd and twist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.python.usage import UsageError

from gwt import tap


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def parsed(parent: dict[str, Any] | None, *arguments: str) -> tap.Options:
    options = tap.Options()
    options.parent = parent  # type: ignore[assignment]
    options.parseOptions(list(arguments))
    return options


TWISTD = {"nodaemon": 0, "pidfile": "twistd.pid", "logger": None, "logfile": None, "syslog": 0}


def test_twistd_stays_in_the_foreground_and_drops_no_pidfile() -> None:
    parent = dict(TWISTD)
    parsed(parent)
    assert (parent["nodaemon"], parent["pidfile"], parent["logger"]) == (1, "", "gwt.oplog.to_stdout")


def test_what_was_asked_for_stays() -> None:
    parent = {**TWISTD, "pidfile": "/run/gwt.pid", "logfile": "gwt.log"}
    parsed(parent)
    assert (parent["pidfile"], parent["logger"]) == ("/run/gwt.pid", None)


def test_the_log_may_be_json() -> None:
    parent = dict(TWISTD)
    parsed(parent, "--log-format", "json")
    assert parent["logger"] == "gwt.oplog.to_stdout_json"


def test_twist_gets_the_observer() -> None:
    parent: dict[str, Any] = {"fileLogObserverFactory": None}
    parsed(parent, "--log-format", "json")
    with open("log", "w") as file:
        assert parent["fileLogObserverFactory"](file).form == "json"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--log-format", "xml"], "choose text or json"),
        (["--demo", "--config", "x"], "exclude each other"),
        (["--confg", "x"], "confg"),
    ],
)
def test_misuse(arguments: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parsed(None, *arguments)


def test_check_ends_with_a_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parsed(None, "--check")
    assert end.value.code == 0
    Path("gateway.yaml").write_text("nonsense: 1\n")
    with pytest.raises(SystemExit) as end:
        parsed(None, "--check")
    assert end.value.code == 1
    with pytest.raises(SystemExit) as end:
        parsed(None)
    assert end.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1:] == ["gwt: gateway.yaml:1:1: error: unknown key 'nonsense'"]
