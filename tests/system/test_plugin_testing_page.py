"""docs/plugin-testing.md from top to bottom: its files are written, its commands run, its gateway asked."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from system.harness import Process, environment, free_port, twistd
from system.programs import told_curl

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs/plugin-testing.md").read_text(encoding="utf-8")

_FILE = re.compile(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", re.M | re.S)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
_CURL = re.compile(r"(curl .*?)\s+# (\d+), (.+)")


def test_every_block_of_code_is_run_here() -> None:
    blocks = [text for _, text in _BLOCK.findall(PAGE)]
    files = [text for _, text in _FILE.findall(PAGE)]
    commands = [text for kind, text in _BLOCK.findall(PAGE) if kind == "sh"]
    assert len(blocks) == len(files) + len(commands) and len(files) == 5 and len(commands) == 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The directory that the page makes, on free ports, with the commands that it uses."""
    ports = {"9080": str(free_port()), "9180": str(free_port())}
    for name, text in _FILE.findall(PAGE):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(re.sub("9080|9180", lambda found: ports[found[0]], text))
    (tmp_path / "bin").mkdir()
    for name, module in {"python": "", "gwt": "-c 'from gwt.cli.main import main; main()'"}.items():
        script = tmp_path / "bin" / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def shell(folder: Path, line: str) -> str:
    """What a command says; it must succeed."""
    path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    env = environment({"PATH": path, "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])})
    done = subprocess.run(["sh", "-c", line], cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    return done.stdout


def test_the_tests_on_the_page_pass_and_the_commands_work(folder: Path) -> None:
    tests, said, _ = [text for kind, text in _BLOCK.findall(PAGE) if kind == "sh"]
    test, schema = tests.splitlines()
    assert "4 passed" in shell(folder, test)
    assert '"X-Quota-Left"' in shell(folder, schema)
    assert "1 passed" in shell(folder, "python -m pytest -q test_waiting.py")
    check, start = said.splitlines()
    shell(folder, check)
    assert start == "twistd -n gateway"


def test_it_runs_and_answers_as_the_page_says(folder: Path) -> None:
    asked = _CURL.findall(PAGE)
    assert len(asked) == 2
    port = re.search(r"proxy: \"tcp:(\d+)", (folder / "gateway.yaml").read_text())
    assert port is not None
    with Process(twistd("gateway"), folder) as gateway:
        gateway.wait_line(lambda line: line.strip().startswith("ready"))
        for command, status, header in asked:
            for told in told_curl(command.replace("9080", port[1])):
                assert told.startswith(f"HTTP/1.1 {status} ") and header in told
