"""Programs of other people that judge the gateway, where they are installed: what they can't be asked is skipped."""

from __future__ import annotations

import http.client
import shlex
import shutil
import subprocess
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from system.harness import PATIENCE


def installed(name: str) -> bool:
    """Whether there is such a program."""
    return shutil.which(name) is not None


def tool(*command: str | Path, data: bytes | None = None, cwd: Path | None = None, status: int | None = 0) -> str:
    """What a program prints; the test is skipped where it is not installed. `status`: what it must end with, if any."""
    name = str(command[0])
    if not installed(name):
        pytest.skip(f"{name} is not installed")
    done = subprocess.run(command, input=data or b"", capture_output=True, timeout=2 * PATIENCE, cwd=cwd)
    assert status is None or done.returncode == status, f"{name}: {done.stderr.decode()}"
    return done.stdout.decode()


def curl_with_http2(*arguments: str | Path, data: bytes | None = None, cwd: Path | None = None) -> str:
    """What a curl that speaks HTTP/2 prints of the body, and below it the version and the status."""
    if "HTTP2" not in tool("curl", "--version"):
        pytest.skip("this curl speaks no HTTP/2")
    return tool("curl", "-sS", "-w", "\n%{http_version} %{http_code}", *arguments, data=data, cwd=cwd)


def told_curl(command: str) -> Iterator[str]:
    """What a curl command of ours is told, read for curl by http.client, and by curl itself where it is installed."""
    yield _asked(command)
    if installed("curl"):
        yield tool(*shlex.split(command), "-sS", *(() if " -i " in command else ("-f",)))


def _asked(command: str) -> str:
    """As curl prints it. What curl would take for more than a GET with headers ends the test."""
    name, *words = shlex.split(command)
    parser = ArgumentParser()
    parser.add_argument("-i", action="store_true", dest="head")
    parser.add_argument("-H", action="append", default=[], dest="headers")
    parser.add_argument("url")
    asked = parser.parse_args(words)
    there = urlsplit(asked.url)
    assert (name, there.scheme, there.hostname) == ("curl", "http", "127.0.0.1"), command
    connection = http.client.HTTPConnection("127.0.0.1", there.port, timeout=PATIENCE)
    path, headers = asked.url.removeprefix(f"http://{there.netloc}"), [one.split(": ", 1) for one in asked.headers]
    connection.request("GET", path, headers=dict(headers))
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    if not asked.head:
        assert answer.status == 200, command
        return body
    return f"HTTP/1.1 {answer.status} {answer.reason}\n{answer.headers}{body}"
