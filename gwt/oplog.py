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


@implementer(ILogObserver)
class Observer:
    """Writes events to a file descriptor as `form` ("text" or "json"); `dropped` counts lines that found no taker."""

    def __init__(self, descriptor: int, form: str = "text", colour: bool | None = None) -> None:
        self.descriptor, self.form, self.dropped = descriptor, form, 0
        self.colour = use_colour(descriptor) if colour is None else colour

    def __call__(self, event: dict[str, Any]) -> None:
        if is_noise(event):
            return
        line = self.as_json(event) if self.form == "json" else self.as_text(event)
        if not write(self.descriptor, line + "\n"):
            self.dropped += 1

    def as_text(self, event: dict[str, Any]) -> str:
        """`11:40:00 warn  what happened`; a traceback follows on lines of its own."""
        time = _time(event).astimezone().strftime("%H:%M:%S")
        level = _level(event)
        message = "\n".join(one_line(line) for line in formatEvent(event).splitlines() or [""])
        trace = _trace(event)
        if self.colour and level in COLOURS:
            level = f"\x1b[{COLOURS[level]}m{level:<5}\x1b[0m"
        return f"{time} {level:<5} {message}{trace and chr(10) + trace}"

    def as_json(self, event: dict[str, Any]) -> str:
        """One JSON object: time, level, logger, message, and traceback where there is one."""
        told = {
            "time": _time(event).isoformat(timespec="milliseconds"),
            "level": _level(event),
            "logger": event.get("log_namespace") or "",
            "message": formatEvent(event),
        }
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
