"""Twisted's own tests are the judge of the reactor; `twisted_suite` lists what is left out, and why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gwt

RUNNER = Path(__file__).with_name("twisted_suite.py")
#: Where the gwt that is under test was found, be it a checkout or site-packages.
ROOT = Path(gwt.__file__).parents[1]

#: What a skip may say: all of it is about the machine or another system, none about the reactor.
SKIPS = ("gi", "Windows", "SIGBREAK", "IPv6", "ipv6", "multicast", "asyncio is available", "root", "serial", "Mac")

#: Modules that are run together -> how many of their tests there are at least, run and skipped.
PARTS = {
    "tcp": (["internet.test.test_tcp", "internet.test.test_tls", "internet.test.test_newtls"], 170),
    "unix": (["internet.test.test_unix", "internet.test.test_socket", "internet.test.test_stdio"], 50),
    "core": (
        [
            "internet.test.test_core",
            "internet.test.test_time",
            "internet.test.test_threads",
            "internet.test.test_fdset",
            "internet.test.test_udp",
            "internet.test.test_base",
            "internet.test.test_posixbase",
            "internet.test.test_sigchld",
        ],
        115,
    ),
    "process": (["internet.test.test_process"], 48),
    "endpoints": (["internet.test.test_endpoints"], 220),
    "on it": (
        [
            "test.test_tcp",
            "test.test_ssl",
            "test.test_unix",
            "test.test_internet",
            "test.test_policies",
            "protocols.test.test_tls",
        ],
        210,
    ),
}


def outcome(modules: list[str]) -> dict[str, dict[str, str]]:
    """What came of the tests in these modules of Twisted."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, str(RUNNER), *(f"twisted.{module}" for module in modules)],
        capture_output=True,
        env=environment,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    parsed: dict[str, dict[str, str]] = json.loads(done.stdout.rpartition(b"\n")[2])
    return parsed


@pytest.mark.parametrize("part", PARTS)
def test_part(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    modules, least = PARTS[part]
    came = outcome(modules)
    with capsys.disabled():
        print(f" [Twisted's tests, {part}: {', '.join(f'{len(came[kind])} {kind}' for kind in came)}] ", end="")
    assert not came["failed"], "\n".join(f"{name}\n{text}" for name, text in came["failed"].items())
    assert len(came["passed"]) + len(came["skipped"]) >= least
    assert len(came["skipped"]) * 10 <= len(came["passed"]), came["skipped"]
    strange = {n: reason for n, reason in came["skipped"].items() if not any(word in reason for word in SKIPS)}
    assert not strange
