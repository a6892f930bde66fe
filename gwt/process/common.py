"""What the processes of a gateway have in common: what can go wrong, how a start is told, how a reload is done."""

from __future__ import annotations

import os
import platform
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.base import ReactorBase
from twisted.logger import Logger

import twisted
from gwt import __version__, oplog, startup
from gwt.configuration import Configuration, ConfigurationError
from gwt.fitting import Unfit
from gwt.gateway import Gateway
from gwt.keychains import TlsError, objections
from gwt.model.configfile import placed
from gwt.model.options import STREAM
from gwt.model.problem import brief
from gwt.resources import ResourceError
from gwt.sockets import BindError
from gwt.store.base import StoreError
from gwt.workers import WorkerDied
from gwt.zones.arena import ArenaError

log = Logger("gwt.process")

#: What ends a start, or keeps a reload from happening, with words for people and no traceback.
TROUBLE = (ConfigurationError, TlsError, BindError, StoreError, ResourceError, WorkerDied, Unfit, ArenaError, OSError)


def prepare(reactor: Any) -> None:
    """Settle what reactors leave open: time that never steps, and UNIX listeners of the reactor's own kind."""
    if type(reactor).seconds is ReactorBase.seconds:
        reactor.seconds = time.monotonic
    if type(reactor).__module__.startswith("gwt.reactor"):
        from gwt.reactor import unix

        reactor.unixPortClass = unix.Port


def node_id(pid: int) -> str:
    """How this gateway is known to others; `pid` is that of the process that all of it hangs on."""
    return f"{socket.gethostname()}-{pid}"


def worker_count(configuration: Configuration) -> int:
    """How many processes serve; `auto` is one for each core that this process may use."""
    return configuration.settings.workers or len(os.sched_getaffinity(0))


def wanted(configuration: Configuration) -> Mapping[str, Sequence[str]]:
    """Role -> endpoint strings."""
    return configuration.settings.listeners.by_role()


def check_certificates(configuration: Configuration) -> None:
    """ConfigurationError where gateway.yaml lists files that can't be used. (A later change keeps what was good.)"""
    settings = configuration.settings
    found = objections(settings.tls, configuration.base)
    if found:
        raise ConfigurationError.of(placed(configuration.text, settings.file, found))


def one_line(error: BaseException) -> str:
    """One of `TROUBLE` in one line, for a start that fails."""
    if isinstance(error, ConfigurationError):
        return error.brief.removeprefix("gwt: ")
    if isinstance(error, Unfit):
        return brief(error.problems)
    if isinstance(error, WorkerDied):
        return error.brief
    return " ".join(str(error).split())


class Reloads:
    """One reload at a time; asked for again meanwhile, one more. What is wrong is said and changes nothing."""

    def __init__(self, reload: Any) -> None:
        self._reload, self._busy, self._again = reload, False, False

    def ask(self) -> None:
        if self._busy:
            self._again = True
            return
        self._busy = True
        self._reload().addErrback(self._failed).addBoth(self._done)

    def _failed(self, failure: Any) -> None:
        if failure.check(*TROUBLE):
            log.error("the old configuration stays in force:\n{why}", why=failure.getErrorMessage())
        else:
            log.failure("the old configuration stays in force", failure)

    def _done(self, _: Any) -> None:
        again, self._busy, self._again = self._again, False, False
        if again:
            self.ask()


def announce(
    configuration: Configuration, listeners: Mapping[str, Sequence[str]], figures: startup.Figures, reactor: Any,
    began: float, workers: int = 1, tries: Sequence[str] = (),
) -> None:  # fmt: skip
    """Print the start-up message."""
    kind = type(reactor).__name__.removesuffix("Reactor")
    runtime = f"Python {platform.python_version()}, Twisted {twisted.__version__}, {kind} reactor"
    facts = startup.Facts(
        __version__, runtime, configuration.describe(), str(configuration.settings.store), listeners, figures,
        workers, running_for(time.monotonic() - began), tries,
    )  # fmt: skip
    descriptor = sys.__stdout__.fileno() if sys.__stdout__ is not None else 1
    oplog.write(descriptor, "\n".join(startup.banner(facts, oplog.use_colour(descriptor))) + "\n")


def running_for(known: float) -> float:
    """Seconds since this process was started, where the system tells; else what is `known`."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return known
    return max(known, uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK"))


def listening(gateway: Gateway) -> dict[str, list[str]]:
    """Role -> addresses as the start-up message shows them."""
    shown: dict[str, list[str]] = {}
    # The admin listener opens first, but is not what people look for first.
    for role, text, host in sorted(gateway.listening.hosts(), key=lambda one: one[0] == "admin"):
        schemes = {} if role.startswith(STREAM) else startup.SCHEMES
        shown.setdefault(role, []).append(startup.address(text, host, schemes))
    return shown
