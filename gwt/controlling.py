"""Controlling: the life of a controller as a process: its listener, its start, its end."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.logger import Logger

from gwt.admin.lag import Lag
from gwt.controller.api import Api
from gwt.controller.controller import Controller
from gwt.controller.pages import site
from gwt.kube.config import Cluster
from gwt.listening import Listening
from gwt.metrics import Metrics
from gwt.model.controlleroptions import ControllerSettings
from gwt.sockets import Binder, bind
from gwt.store.open import open_reader

#: Seconds for which an end waits for the API server and the store to hear of it.
PATIENCE = 5.0


class Controlling:
    """See `gwt.process.signals.Life`. `metrics` are those that the listener shows."""

    log = Logger("gwt.controller")

    def __init__(self, reactor: Any, controller: Controller, listening: Listening, metrics: Metrics, told: str) -> None:
        self._reactor, self.controller, self._listening, self._told = reactor, controller, listening, told
        self._lag = Lag(reactor, metrics)
        self._stopped: Deferred[Any] | None = None

    def start(self) -> Deferred[Any]:
        """Begin."""
        self._reactor.callWhenRunning(self._lag.start)
        self.controller.start()
        self.log.info("the controller runs: {told}", told=self._told)
        return succeed(None)

    def drain(self) -> Deferred[Any]:
        """Write no more, and let another lead."""
        self.log.info("stopping")
        return self._stop()

    def hurry(self) -> None:
        """There is nothing to hurry: the end has a limit."""

    def stop(self) -> Deferred[Any]:
        """What is left after `drain`."""
        return self._stop()

    def reload(self) -> None:
        """Not done while running: it takes a restart, in which another controller leads."""
        self.log.warn("SIGHUP: controller.yaml is read at the start only; restart the controller")

    def _stop(self) -> Deferred[Any]:
        if self._stopped is None:
            self._lag.stop()
            ends = [self.controller.stop(), self._listening.stop(["listen"])]
            whole = gatherResults(ends, consumeErrors=True).addTimeout(PATIENCE, self._reactor)
            self._stopped = whole.addErrback(lambda failure: self.log.warn("stopped without waiting for all"))
        done: Deferred[Any] = Deferred()
        self._stopped.addBoth(lambda result: done.callback(None))
        return done


def make_controlling(
    reactor: Any, cluster: Cluster, settings: ControllerSettings, store: str, wall: Callable[[], float]
) -> Controlling:
    """The life; its listener is open. Raises StoreError, BindError, OSError."""
    reader, name = open_reader(store, reactor)
    identity = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    binder = Binder()
    for text in settings.listen:
        bind(binder, "listen", text)
    metrics = Metrics.private()
    controller = Controller(reactor, Api(reactor, cluster, _read), settings, reader, identity, wall, metrics)
    listening = Listening(reactor, binder)
    listening.serve("listen", settings.listen, site(controller))
    return Controlling(reactor, controller, listening, metrics, f"{cluster} -> {name}, as {identity}")


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
