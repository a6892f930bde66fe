"""A gateway of one process."""

from __future__ import annotations

import os
import time
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks

from gwt import demo
from gwt.configuration import Configuration, load
from gwt.gateway import Gateway
from gwt.metrics import Metrics
from gwt.process.common import Reloads, announce, check_certificates, listening, log, node_id, worker_count
from gwt.sockets import Binder
from gwt.startup import figures_of
from gwt.zones.arena import PrivateArena


class Alone:
    """A process that serves by itself."""

    def __init__(self, reactor: Any, configuration: Configuration, binder: Binder) -> None:
        self._reactor, self._began = reactor, time.monotonic()
        self._demo = demo.Demo(reactor) if configuration.is_demo else None
        documents = self._demo.documents if self._demo else ""
        self.gateway = Gateway(
            reactor, configuration, binder, Metrics.private(), PrivateArena(), node_id(os.getpid()), documents
        )
        self._reloads = Reloads(self._reload)

    @inlineCallbacks
    def start(self) -> Any:
        """Serve, and say so."""
        yield self.gateway.start()
        gateway = self.gateway
        ports = {role: getattr(host, "port", 0) for role, _, host in gateway.listening.hosts()}
        tries = demo.tries(ports) if self._demo else ()
        figures = figures_of(gateway.current.snapshot)
        announce(gateway.configuration, listening(gateway), figures, self._reactor, self._began, tries=tries)

    def drain(self) -> Deferred[Any]:
        log.info("stopping: {n} connections open", n=self.gateway.factories.connections)
        return self.gateway.drain()

    def hurry(self) -> None:
        self.gateway.factories.abort()

    def stop(self) -> Deferred[Any]:
        if self._demo is not None:
            self._demo.stop()
        return self.gateway.stop()

    def reload(self) -> None:
        self._reloads.ask()

    @inlineCallbacks
    def _reload(self) -> Any:
        before = self.gateway.configuration
        configuration = load(before.path)
        check_certificates(configuration)
        if worker_count(configuration) > 1:
            log.warn("workers: going from one process to several takes a restart; the rest is put in force")
        yield self.gateway.reload(configuration)
        log.info("{file} is in force", file=configuration.describe())
