"""The operational log: one line an event, for people or as JSON, and never in the way of traffic.

What concerns the running of Twisted itself (factories and ports that come and go) is left out below a warning.
A reader that has stopped reading does not stop the gateway: what does not fit into the pipe is dropped and counted.
"""

from __future__ import annotations

import json
import os
import select
import sys
from datetime import UTC, datetime
from typing import Any

from twisted.logger import ILogObserver, LogLevel, formatEvent
from zope.interface import implementer

#: A pipe that is ready takes at least this much without blocking (PIPE_BUF).
CHUNK = 4096
#: Legacy messages and Twisted's own are noise below a warning.
NOISY = ("twisted.", "log_legacy", "treq", "txredisapi")
#: So often in so many seconds the same thing is said; what comes beyond is counted.
OFTEN, WINDOW = 5, 10.0
COLOURS = {"warn": "33", "error": "31", "critical": "31"}


def write(descriptor: int, text: str) -> bool:
    """Write `text` whole; False (and nothing more is written) where the reader does not take it."""
    data = text.encode("utf-8", "backslashreplace")
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    while data:
        try:
            if not any(mask & select.POLLOUT for _, mask in poll.poll(0)):
                return False
            data = data[os.write(descriptor, data[:CHUNK]) :]
        except BlockingIOError:
            return False
        except OSError:
            return False
    return True


def is_noise(event: dict[str, Any]) -> bool:
    """Is this something that only a developer of Twisted wants to know?"""
    if event.get("log_level", LogLevel.info) >= LogLevel.warn:
        return False
    namespace = event.get("log_namespace") or "log_legacy"
    return namespace.startswith(NOISY) or event.get("log_level") == LogLevel.debug


def one_line(text: str) -> str:
    """Control characters escaped, so that one event stays one line; what a traceback needs is kept by the caller."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class Repeats:
    """Lets the same complaint through `OFTEN` times in a `WINDOW`: a fault that every request meets must not flood."""

    def __init__(self) -> None:
        self._seen: dict[Any, list[float]] = {}

    def admits(self, event: dict[str, Any]) -> int | None:
        """None: leave the event out. Else how many like it were left out since one was last let through."""
        failure = event.get("log_failure")
        if failure is None and event.get("log_level", LogLevel.info) < LogLevel.warn:
            return 0
        key = (event.get("log_namespace"), event.get("log_format"), failure and (failure.type, str(failure.value)))
        now = event.get("log_time") or 0.0
        if len(self._seen) > 1000:
            self._seen.clear()
        entry = self._seen.setdefault(key, [now, 0, 0])  # when the window began, said in it, left out
        if now - entry[0] > WINDOW:
            left_out, entry[:] = entry[2], [now, 1, 0]
            return int(left_out)
        entry[1] += 1
        if entry[1] <= OFTEN:
            return 0
        entry[2] += 1
        return None


@implementer(ILogObserver)
class Observer:
    """Writes events to a file descriptor as `form` ("text" or "json"); `dropped` counts lines that found no taker.

    `process` is named in every line. Lines that another process has formed already are passed on as they are.
    """

    def __init__(self, descriptor: int, form: str = "text", colour: bool | None = None, process: str = "") -> None:
        self.descriptor, self.form, self.process, self.dropped = descriptor, form, process, 0
        self.colour = use_colour(descriptor) if colour is None else colour
        self._repeats = Repeats()

    def __call__(self, event: dict[str, Any]) -> None:
        if is_noise(event):
            return
        if "relayed" in event:
            self._put(self._relayed(event))
            return
        left_out = self._repeats.admits(event)
        if left_out is not None:
            self._put(self.as_json(event) if self.form == "json" else self.as_text(event, left_out))

    def _put(self, line: str) -> None:
        if not write(self.descriptor, line + "\n"):
            self.dropped += 1

    def _relayed(self, event: dict[str, Any]) -> str:
        line = str(event["relayed"])
        if self.form == "json" and not line.startswith("{"):
            return self.as_json(event)
        return line if self.form == "json" else one_line(line)

    def as_text(self, event: dict[str, Any], left_out: int = 0) -> str:
        """`11:40:00 warn  what happened`; a traceback follows on lines of its own."""
        time = _time(event).astimezone().strftime("%H:%M:%S")
        level = _level(event)
        message = "\n".join(one_line(line) for line in formatEvent(event).splitlines() or [""])
        trace = _trace(event)
        if self.colour and level in COLOURS:
            level = f"\x1b[{COLOURS[level]}m{level:<5}\x1b[0m"
        who = f"{self.process}: " if self.process else ""
        more = f" ({left_out} more like this before)" if left_out else ""
        return f"{time} {level:<5} {who}{message}{more}{trace and chr(10) + trace}"

    def as_json(self, event: dict[str, Any]) -> str:
        """One JSON object: time, level, logger, message; process and traceback where there are such."""
        told = {
            "time": _time(event).isoformat(timespec="milliseconds"),
            "level": _level(event),
            "logger": event.get("log_namespace") or "",
            "message": formatEvent(event),
        }
        if self.process:
            told["process"] = self.process
        trace = _trace(event)
        return json.dumps({**told, "traceback": trace} if trace else told, ensure_ascii=True)


def _time(event: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(event.get("log_time") or 0.0, UTC)


def _level(event: dict[str, Any]) -> str:
    return getattr(event.get("log_level"), "name", "info")


def _trace(event: dict[str, Any]) -> str:
    failure = event.get("log_failure")
    return failure.getTraceback().rstrip() if failure is not None else ""


def use_colour(descriptor: int) -> bool:
    """Colour for a terminal, unless NO_COLOR is set."""
    return not os.environ.get("NO_COLOR") and os.isatty(descriptor)


def to_stdout() -> Observer:
    """The observer of `twistd gateway`, as text. Named on the command line by its full name."""
    return Observer(sys.__stdout__.fileno() if sys.__stdout__ else 1)


def to_stdout_json() -> Observer:
    """The observer of `twistd gateway --log-format json`."""
    return Observer(sys.__stdout__.fileno() if sys.__stdout__ else 1, "json")
