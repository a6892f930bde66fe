"""The access log: lines are gathered and written in batches, and nothing ever waits for them.

What cannot be written, because a pipe is full or a disk is, stays for a while, then is dropped and counted.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from gwt.logline import LogRecord, format_combined, format_json
from gwt.metrics import Meters
from gwt.model.configfile import Objection
from gwt.model.settings import AccessLog as Wanted

#: A batch is written when it has this many bytes, or after `TICK` seconds.
BATCH = 65536
TICK = 0.2
#: Lines are dropped while so many bytes wait.
WAITING = 1 << 20

FORMATS: dict[str, Callable[[LogRecord], bytes]] = {"json": format_json, "combined": format_combined}


class Sink:
    """A descriptor that takes bytes without ever blocking. `batch` is how many are offered to it at once.

    Several workers write to one pipe: up to PIPE_BUF bytes go through it whole, more might be mingled with
    another's lines. A regular file that is open for appending takes any batch whole.
    """

    def __init__(self, path: str) -> None:
        """`path`: a file, a pipe, or `-` for standard output. Raises OSError if it can't be opened."""
        self.fd = _open_stdout() if path == "-" else _open_file(path)
        mode = os.fstat(self.fd).st_mode
        self.batch = BATCH if stat.S_ISREG(mode) else select.PIPE_BUF
        self._socket = socket.socket(fileno=self.fd) if stat.S_ISSOCK(mode) else None
        # A descriptor that others share must not be made non-blocking: it is asked each time whether it has room.
        self._poll = None
        if not stat.S_ISREG(mode) and os.get_blocking(self.fd):
            self._poll = select.poll()
            self._poll.register(self.fd, select.POLLOUT)

    def write(self, data: bytes) -> int:
        """Write what goes in now and return its size, maybe 0. Raises OSError if it can't be written at all."""
        try:
            if self._socket is not None:
                return self._socket.send(data, socket.MSG_DONTWAIT)
            if self._poll is not None:
                # Room is promised for PIPE_BUF bytes only.
                return os.write(self.fd, data[: select.PIPE_BUF]) if self._poll.poll(0) else 0
            return os.write(self.fd, data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        else:
            os.close(self.fd)


def _open_file(path: str) -> int:
    flags = os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
    # A named pipe can be opened for writing alone only while somebody reads.
    fifo = os.path.exists(path) and stat.S_ISFIFO(os.stat(path).st_mode)
    return os.open(path, flags | (os.O_RDWR if fifo else os.O_WRONLY), 0o640)


def _open_stdout() -> int:
    """Standard output, where possible opened anew: O_NONBLOCK would otherwise be set for all who share it."""
    mode = os.fstat(1).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        try:
            return os.open("/dev/fd/1", os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError:
            return os.dup(1)  # no /dev/fd, or a pipe that another user has made
    return os.dup(1)


class AccessLog:
    """Writes one line a request to `path`. Call `log` at the end of each."""

    __slots__ = (
        "_clock", "_dropped", "_due", "_failing", "_format", "_lines", "_lost", "_sink", "_size", "_tick", "_torn",
        "_written", "path",
    )  # fmt: skip

    _log = Logger()

    def __init__(
        self,
        path: str,
        format: str,
        clock: IReactorTime,
        dropped: Callable[[int], None] = lambda lines: None,
        written: Callable[[int], None] = lambda lines: None,
    ) -> None:
        """`format` is a key of `FORMATS`; `dropped` is told how many lines were lost, `written` how many were not.

        Raises OSError if `path` can't be opened.
        """
        self.path = path
        self._format = FORMATS[format]
        self._clock: Any = clock
        self._dropped, self._written = dropped, written
        self._sink = Sink(path)
        self._lines: list[bytes] = []
        self._size = 0
        self._torn = False  # the first line has begun to be written
        self._tick: IDelayedCall | None = None
        self._lost = 0  # lines since it last worked
        self._failing = False
        self._due = BATCH  # bytes from which a batch is written without waiting for the tick

    def log(self, record: LogRecord) -> None:
        """Take the line of `record`."""
        line = self._format(record)
        self._lines.append(line)
        self._size += len(line)
        if self._size >= self._due:
            self.flush()
        elif self._tick is None:
            self._tick = self._clock.callLater(TICK, self._ticked)

    def _ticked(self) -> None:
        self._tick = None
        self.flush()

    def flush(self) -> None:
        """Write what can be written now; drop what has waited too long."""
        try:
            self._write()
        except OSError as error:
            self._fail(error)
        if self._size > WAITING:
            self._drop(keep=WAITING // 2)
        # If it is full for now, the next try is not at the next line, but a batch or a tick later.
        self._due = self._size + BATCH
        if self._lines and self._tick is None:
            self._tick = self._clock.callLater(TICK, self._ticked)

    def _write(self) -> None:
        lines, sink = self._lines, self._sink
        while lines:
            count = size = 0
            while count < len(lines) and (not count or size + len(lines[count]) <= sink.batch):
                size += len(lines[count])
                count += 1
            written = sink.write(b"".join(lines[:count]))
            self._size -= written
            if written == size:
                del lines[:count]
                self._written(count)
                self._torn = False
                continue
            self._cut(written)
            return
        self._recovered()

    def _cut(self, written: int) -> None:
        """Only the first `written` bytes went out: keep the rest, of a line that has begun as well."""
        count = 0
        while written >= len(self._lines[count]):
            written -= len(self._lines[count])
            count += 1
        del self._lines[:count]
        self._written(count)
        self._torn = written > 0 or (self._torn and count == 0)
        self._lines[0] = self._lines[0][written:]

    def _drop(self, keep: int) -> None:
        """Drop the oldest lines, but not the rest of one that has begun, until `keep` bytes are left."""
        first = 1 if self._torn else 0
        last, size = first, self._size
        while last < len(self._lines) and size > keep:
            size -= len(self._lines[last])
            last += 1
        del self._lines[first:last]
        self._size = size
        if last > first:
            self._lose(last - first)

    def _lose(self, lines: int) -> None:
        self._dropped(lines)
        self._warn("it takes no more for now")
        self._lost += lines

    def _warn(self, why: object) -> None:
        if not self._failing:
            self._failing = True
            self._log.warn("The access log {path} drops lines: {why}", path=self.path, why=why)

    def _fail(self, error: OSError) -> None:
        self._warn(error)
        self._drop(keep=0)

    def _recovered(self) -> None:
        if self._failing:
            self._log.warn("The access log {path} goes on; {lost} lines were dropped", path=self.path, lost=self._lost)
            self._failing, self._lost = False, 0

    def close(self) -> None:
        """Write what can still be written and close; the rest is lost."""
        self.flush()
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        if self._lines:
            self._lose(len(self._lines))
            self._lines, self._size = [], 0
        self._sink.close()


def open_log(wanted: Wanted | None, base: Path, clock: IReactorTime, meters: Meters) -> AccessLog | None:
    """The log that gateway.yaml, which stands in `base`, asks for; None where it asks for none. Raises OSError."""
    if wanted is None:
        return None
    path = wanted.path if wanted.path == "-" else str(base / wanted.path)
    try:
        return AccessLog(path, wanted.format, clock, meters.log_lines_dropped.inc, meters.log_lines_written.inc)
    except OSError as error:
        raise OSError(_refusal(path, error.strerror or str(error))) from error


def objections(wanted: Wanted | None, base: Path) -> list[Objection]:
    """What keeps the log from being opened, for all that can be told without making or opening it."""
    if wanted is None or wanted.path == "-":
        return []
    path = base / wanted.path
    try:
        number = _obstacle(path)
    except OSError as error:
        number = error.errno or errno.EIO
    return [Objection(("access_log", "path"), _refusal(str(path), os.strerror(number)))] if number else []


def _obstacle(path: Path) -> int:
    """The error number with which `path` would not open for writing; 0: none. Raises OSError where that is told."""
    if not path.exists():
        if not stat.S_ISDIR(path.parent.stat().st_mode):
            return errno.ENOTDIR
        return 0 if os.access(path.parent, os.W_OK | os.X_OK) else errno.EACCES
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return errno.EISDIR
    if stat.S_ISSOCK(mode):
        return errno.ENXIO
    return 0 if os.access(path, os.W_OK) else errno.EACCES


def _refusal(path: str, reason: str) -> str:
    return f"access_log.path: cannot open {path}: {reason}"
