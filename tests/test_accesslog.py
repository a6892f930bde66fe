from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from gwt.accesslog import BATCH, TICK, WAITING, AccessLog, Sink, objections, open_log
from gwt.metrics import Meters, Metrics
from gwt.model.settings import AccessLog as Wanted


@dataclass(frozen=True)
class Record:
    number: int
    time: float = 0.0
    request_id: bytes = b"id"
    client: str = "10.1.2.3"
    method: bytes = b"GET"
    host: bytes = b"foo"
    status: int = 200
    bytes_in: int = 0
    bytes_out: int = 0
    duration: float = 0.0
    upstream: str | None = None
    upstream_seconds: float | None = None
    tries: int = 0
    route: str | None = None
    service: str | None = None
    path_uri: str | None = None
    user: str | None = None
    code: str | None = None
    protocol: str = "HTTP/1.1"
    user_agent: bytes | None = None
    referer: bytes | None = None
    revision: int = 1

    @property
    def uri(self) -> bytes:
        return b"/%d" % self.number


def numbers(text: bytes) -> list[int]:
    return [int(json.loads(line)["uri"][1:]) for line in text.splitlines()]


class Log:
    """An access log on a file, with its clock and a count of what it dropped."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.clock = Clock()
        self.dropped = self.written = 0
        self.log = AccessLog(os.fspath(path), "json", self.clock, self._drop, self._write)

    def _drop(self, lines: int) -> None:
        self.dropped += lines

    def _write(self, lines: int) -> None:
        self.written += lines

    def write(self, first: int, last: int) -> None:
        for number in range(first, last):
            self.log.log(Record(number))


@contextmanager
def pipe(tmp_path: Path) -> Iterator[tuple[Log, int]]:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    log = Log(path)
    try:
        yield log, reader
    finally:
        log.log.close()
        os.close(reader)


def drain(reader: int) -> bytes:
    parts = []
    while True:
        try:
            part = os.read(reader, 1 << 20)
        except BlockingIOError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def test_lines_are_written_at_the_tick(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.write(0, 3)
    assert (tmp_path / "log").read_bytes() == b""
    log.clock.advance(TICK)
    assert numbers((tmp_path / "log").read_bytes()) == [0, 1, 2]
    assert log.clock.getDelayedCalls() == []  # an idle gateway is not woken
    log.log.close()


def test_a_full_batch_does_not_wait(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    size = 0
    while not (size := (tmp_path / "log").stat().st_size):
        log.write(0, 1)
    assert size >= BATCH
    log.log.close()


def test_what_is_left_is_written_at_the_end(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.write(0, 5)
    log.log.close()
    assert numbers((tmp_path / "log").read_bytes()) == [0, 1, 2, 3, 4]
    assert log.clock.getDelayedCalls() == []


def test_a_path_that_can_not_be_opened(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory"):
        Log(tmp_path / "no/log")


def test_a_full_pipe_drops_whole_lines_and_counts_them(tmp_path: Path) -> None:
    with pipe(tmp_path) as (log, reader):
        log.write(0, 10_000)
        assert log.dropped > 0
        got = drain(reader)
        for _ in range(40):
            log.clock.advance(TICK)
            got += drain(reader)
        seen = numbers(got)
        assert seen == sorted(set(seen))
        assert len(seen) == 10_000 - log.dropped == log.written
        assert seen[0] == 0
        assert seen[-1] == 9_999


def test_a_full_pipe_is_tried_once_a_tick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []
    with pipe(tmp_path) as (log, _):
        log.write(0, 2000)
        write = Sink.write
        monkeypatch.setattr(Sink, "write", lambda sink, data: tries.append(1) or write(sink, data))
        for _ in range(10):
            log.clock.advance(TICK)
        assert len(tries) == 10
        log.write(0, 100)
        assert len(tries) == 10


def test_what_waits_is_bounded(tmp_path: Path) -> None:
    with pipe(tmp_path) as (log, _):
        log.write(0, 20_000)
        assert sum(map(len, log.log._lines)) == log.log._size <= WAITING + BATCH


def test_long_lines_come_through_a_pipe_whole(tmp_path: Path) -> None:
    with pipe(tmp_path) as (log, reader):
        got = b""
        for _ in range(30):
            log.log.log(Record(1, user_agent=b"x" * 30_000))
            log.clock.advance(TICK)
        for _ in range(30):
            got += drain(reader)
            log.clock.advance(TICK)
        assert numbers(got) == [1] * (30 - log.dropped)
        assert log.dropped == 0


def test_a_reader_that_is_gone(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    log = Log(tmp_path / "log")
    log.log._sink.close()
    log.log._sink = sink = Sink.__new__(Sink)
    sink.fd, sink.batch, sink._socket, sink._poll = ours.fileno(), 4096, ours, None
    theirs.close()
    log.write(0, 3)
    log.clock.advance(TICK)
    assert log.dropped == 3
    assert log.clock.getDelayedCalls() == []
    log.log.close()


class FullDisk(Sink):
    """Takes `room` bytes more, then none until `room` is set again."""

    room = 0

    def write(self, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = super().write(data[: self.room])
        self.room -= written
        return written


def test_a_full_disk_loses_lines_but_tears_none(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.log._sink.close()
    log.log._sink = disk = FullDisk(os.fspath(tmp_path / "log"))
    disk.room = 1000
    log.write(0, 100)
    for _ in range(5):
        log.clock.advance(TICK)
    assert log.dropped > 50
    disk.room = 1 << 20
    log.write(100, 102)
    log.log.close()
    seen = numbers((tmp_path / "log").read_bytes())
    assert seen[-2:] == [100, 101]
    assert len(seen) == 102 - log.dropped


PRELUDE = """\
import sys
from types import SimpleNamespace
from twisted.internet.task import Clock
from gwt.accesslog import AccessLog
record = SimpleNamespace(
    time=0.0, request_id=b"id", client="::1", method=b"GET", host=b"foo", uri=b"/1", status=200, bytes_in=0,
    bytes_out=0, duration=0.0, upstream=None, upstream_seconds=None, tries=0, route=None, service=None,
    path_uri=None, user=None, code=None, protocol="HTTP/1.1", user_agent=None, referer=None, revision=1,
)
lost = []
log = AccessLog("-", "json", Clock(), lost.append)
"""

FLOOD = """
for _ in range(20_000):
    log.log(record)
log.close()
print(sum(lost), file=sys.stderr)
"""


def start(code: str, stdout: int) -> subprocess.Popen[bytes]:
    """A process with an access log on its standard output."""
    return subprocess.Popen([sys.executable, "-c", PRELUDE + code], stdout=stdout, stderr=subprocess.PIPE)


def run(code: str, stdout: int) -> bytes:
    """What such a process says on its standard error."""
    process = start(code, stdout)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 0, said
    return said


def test_standard_output_as_a_pipe_that_nobody_reads() -> None:
    reader, writer = os.pipe()
    said = run(FLOOD, writer)
    # The description that all share is left as it was.
    assert not fcntl.fcntl(writer, fcntl.F_GETFL) & os.O_NONBLOCK
    os.close(writer)
    os.set_blocking(reader, False)
    assert len(numbers(drain(reader))) == 20_000 - int(said.split()[-1])
    os.close(reader)


def test_standard_output_as_a_file(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        run('print("before", flush=True); log.log(record); log.close(); print("after", flush=True)', out.fileno())
    before, line, after = (tmp_path / "out").read_bytes().splitlines()
    assert (before, numbers(line), after) == (b"before", [1], b"after")


def test_standard_output_as_a_socket() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        said = run(FLOOD, theirs.fileno())
        ours.setblocking(False)
        got = drain(ours.fileno())
        assert int(said.split()[-1]) > 0
        whole = got[: got.rfind(b"\n") + 1]
        assert set(numbers(whole)) == {1}


def test_several_writers_of_one_pipe_do_not_mingle_lines() -> None:
    reader, writer = os.pipe()
    code = "for turn in range(3000):\n    log.log(record)\n    if not turn % 50: log.flush()\nlog.close()"
    writers = [start(code, writer) for _ in range(2)]
    os.close(writer)
    parts = []
    while part := os.read(reader, 65536):
        parts.append(part)
    os.close(reader)
    for one in writers:
        assert one.communicate(timeout=60) == (None, b"")
    assert set(numbers(b"".join(parts))) == {1}


def test_a_path_in_gateway_yaml_begins_where_it_stands(tmp_path: Path) -> None:
    meters = Meters(Metrics.private())
    log = open_log(Wanted("here.log", "json"), tmp_path, Clock(), meters)
    assert log is not None
    log.close()
    assert (tmp_path / "here.log").exists()
    assert open_log(None, tmp_path, Clock(), meters) is None


@pytest.mark.parametrize(
    ("path", "why"), [("gone/log", "No such file"), ("log/log", "Not a directory"), (".", "Is a dir")]
)
def test_a_path_that_cannot_be_opened_is_named(tmp_path: Path, path: str, why: str) -> None:
    (tmp_path / "log").touch()
    wanted = Wanted(path, "json")
    said = rf"^access_log\.path: cannot open {re.escape(str(tmp_path / path))}: {why}"
    with pytest.raises(OSError, match=said):
        open_log(wanted, tmp_path, Clock(), Meters(Metrics.private()))
    (objection,) = objections(wanted, tmp_path)
    assert re.match(said, objection.message)
    assert objection.path == ("access_log", "path")


@pytest.mark.parametrize("wanted", [None, Wanted("-", "json"), Wanted("new", "json"), Wanted("log", "json")])
def test_what_can_be_opened_is_not_made_to_tell(tmp_path: Path, wanted: Wanted | None) -> None:
    (tmp_path / "log").touch()
    assert objections(wanted, tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
