"""gwt.oplog: one line an event, no noise, and no waiting for a reader that does not read."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.logger import LogLevel
from twisted.python.failure import Failure

from gwt.oplog import OFTEN, Observer, is_noise, one_line, write


def event(**more: Any) -> dict[str, Any]:
    base = {"log_time": 0.0, "log_level": LogLevel.info, "log_namespace": "gwt.test", "log_format": "{what}"}
    return {**base, "what": "it happened", **more}


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_an_event_is_a_line_of_text(pipe: tuple[int, int]) -> None:
    Observer(pipe[1])(event(log_level=LogLevel.warn))
    line = os.read(pipe[0], 1000).decode()
    assert line[2] == ":"
    assert line[9:] == "warn  it happened\n"


def test_or_a_line_of_json(pipe: tuple[int, int]) -> None:
    Observer(pipe[1], "json")(event(what="a\nb"))
    data = os.read(pipe[0], 1000)
    assert data.count(b"\n") == 1
    assert json.loads(data) == {
        "time": "1970-01-01T00:00:00.000+00:00", "level": "info", "logger": "gwt.test", "message": "a\nb",
    }  # fmt: skip


def test_a_failure_brings_its_traceback() -> None:
    try:
        raise RuntimeError("boom")
    except RuntimeError:
        failure = Failure()
    observer = Observer(1, colour=False)
    text = observer.as_text(event(log_failure=failure, log_level=LogLevel.critical))
    assert "RuntimeError: boom" in text
    assert "RuntimeError: boom" in json.loads(observer.as_json(event(log_failure=failure)))["traceback"]


@pytest.mark.parametrize(
    ("namespace", "level", "noise"),
    [
        ("gwt.gateway", LogLevel.info, False),
        ("gwt.gateway", LogLevel.debug, True),
        ("twisted.application.app", LogLevel.info, True),
        ("twisted.internet.tcp", LogLevel.error, False),
        ("log_legacy", LogLevel.info, True),
        ("log_legacy", LogLevel.critical, False),
        ("acme.plugin", LogLevel.info, False),
        (None, LogLevel.info, True),
    ],
)
def test_noise_is_what_twisted_says_of_itself(namespace: str | None, level: Any, noise: bool) -> None:
    assert is_noise(event(log_namespace=namespace, log_level=level)) is noise


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert one_line("a\x1b[31m\x00\u2028b") == r"a\x1b[31m\x00\u2028b"
    assert "\x1b" not in Observer(1, colour=False).as_text(event(what="\x1b[2J"))


def test_colour_marks_levels_on_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[33mwarn" in Observer(1, colour=True).as_text(event(log_level=LogLevel.warn))
    monkeypatch.setattr(os, "isatty", lambda fd: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Observer(1).colour
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Observer(1).colour


def test_a_reader_that_has_stopped_is_not_waited_for(pipe: tuple[int, int]) -> None:
    fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, 4096)
    observer = Observer(pipe[1])
    for _ in range(200):
        observer(event(what="x" * 100))
    assert 0 < observer.dropped < 200
    os.read(pipe[0], 4096)
    dropped = observer.dropped
    observer(event(what="again"))
    assert observer.dropped == dropped
    assert b"again" in os.read(pipe[0], 4096)


def test_writing_to_what_is_closed_is_false() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    assert write(writer, "x") is False
    os.close(writer)
    assert write(writer, "x") is False


def test_what_is_said_over_and_over_is_counted_instead(pipe: tuple[int, int]) -> None:
    observer = Observer(pipe[1])
    for number in range(100):
        observer(event(log_level=LogLevel.error, log_time=number / 100))
        observer(event(log_time=number / 100, what="a message, not a complaint"))
    observer(event(log_level=LogLevel.error, log_time=20.0))
    observer(event(log_level=LogLevel.error, log_time=21.0, log_format="something else"))
    lines = os.read(pipe[0], 60000).decode().splitlines()
    complaints = [line for line in lines if "error it happened" in line]
    assert len(complaints) == OFTEN + 1
    assert complaints[-1].endswith("it happened (95 more like this before)")
    assert sum("not a complaint" in line for line in lines) == 100
    assert lines[-1].endswith("something else")


@pytest.mark.parametrize(
    ("form", "relayed", "said"),
    [
        ("text", "11:40:00 warn  worker 1: oh", "11:40:00 warn  worker 1: oh"),
        ("text", "a\x1b[2J", r"a\x1b[2J"),
        ("json", '{"process": "worker 1"}', '{"process": "worker 1"}'),
    ],
)
def test_lines_of_workers_are_passed_on(pipe: tuple[int, int], form: str, relayed: str, said: str) -> None:
    Observer(pipe[1], form)(event(relayed=relayed, name="worker 1", log_format="{name}: {relayed}"))
    assert os.read(pipe[0], 1000).decode() == said + "\n"


def test_what_a_worker_says_out_of_form_is_still_json(pipe: tuple[int, int]) -> None:
    Observer(pipe[1], "json")(event(relayed="Segmentation fault", name="worker 1", log_format="{name}: {relayed}"))
    assert json.loads(os.read(pipe[0], 1000))["message"] == "worker 1: Segmentation fault"


def test_a_worker_names_itself() -> None:
    assert Observer(1, colour=False, process="worker 2").as_text(event()).endswith("worker 2: it happened")
    assert json.loads(Observer(1, "json", process="worker 2").as_json(event()))["process"] == "worker 2"
