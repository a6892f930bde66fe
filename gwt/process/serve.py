"""The life of a worker's process, from its assignment to its end. Imported once the reactor is installed."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from twisted.logger import globalLogBeginner

from gwt import oplog
from gwt.configuration import parse
from gwt.gateway import Gateway
from gwt.metrics import Metrics
from gwt.process.common import TROUBLE, listening, node_id, one_line, prepare
from gwt.process.worker import Orders, Reports, inherited
from gwt.sockets import Inherited
from gwt.startup import figures_of
from gwt.workers import Assignment
from gwt.zones.arena import SharedArena


def serve(told: Assignment, reports: Reports, orders: Orders) -> None:
    """Serve as `told` until an order, or the end of the pipe, ends it."""
    from twisted.internet import reactor as installed

    reactor: Any = installed
    prepare(reactor)
    observer = oplog.Observer(2, told.log_format, colour=False, process=f"worker {told.index}")
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    try:
        configuration = parse(told.text, Path(told.config) if told.config else None)
        metrics = Metrics.shared(told.metrics)
        arena = SharedArena(told.zones)
        os.close(told.zones)
        gateway = Gateway(
            reactor, configuration, Inherited(inherited(told)), metrics, arena, node_id(os.getppid()),
            tickets=bytes.fromhex(told.tickets),
        )  # fmt: skip
    except TROUBLE as error:
        reports.send(fatal=str(error), brief=one_line(error))
        raise SystemExit(2) from None
    WorkerLife(reactor, gateway, reports, orders).begin()
    reactor.run()


class WorkerLife:
    """Obeys the supervisor."""

    def __init__(self, reactor: Any, gateway: Gateway, reports: Reports, orders: Orders) -> None:
        self._reactor, self._gateway, self._reports, self._orders = reactor, gateway, reports, orders
        self._ending = False

    def begin(self) -> None:
        self._reactor.addSystemEventTrigger("before", "shutdown", self._gateway.stop)
        self._reactor.callWhenRunning(self._start)

    def _start(self) -> None:
        # Only now: an order to end that came along with the assignment can't stop a reactor that does not run yet.
        self._orders.follow(self._reactor, self._obey, self._orphaned)
        if self._ending:
            return
        # Service managers signal every process of a group: to a worker that is as good as the supervisor's order.
        signal.signal(signal.SIGTERM, lambda number, frame: self._reactor.callFromThread(self._drain))
        self._gateway.start().addCallbacks(self._ready, self._failed)

    def _ready(self, _: Any) -> None:
        figures = figures_of(self._gateway.current.snapshot)
        values = {name: getattr(figures, name) for name in figures.__dataclass_fields__}
        self._reports.send(ready={"listeners": listening(self._gateway), "figures": values})

    def _failed(self, failure: Any) -> None:
        if failure.check(*TROUBLE):
            self._reports.send(fatal=failure.getErrorMessage(), brief=one_line(failure.value))
        else:
            self._reports.send(fatal=failure.getTraceback())
        self._end(None)

    def _obey(self, order: dict[str, Any]) -> None:
        if "drain" in order:
            self._drain(order["drain"], order["replaced"])

    def _drain(self, delay: float | None = None, replaced: bool = False) -> None:
        if not self._ending:
            self._ending = True
            self._gateway.drain(delay, replaced).addBoth(self._end)

    def _orphaned(self) -> None:
        if not self._ending:
            self._ending = True
            self._end(None)

    def _end(self, _: Any) -> None:
        if self._reactor.running:
            self._reactor.stop()
