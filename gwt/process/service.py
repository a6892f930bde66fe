"""A gateway as a Twisted service: what twistd and twist run."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred

from gwt.configuration import Configuration
from gwt.process.alone import Alone
from gwt.process.common import TROUBLE, check_certificates, one_line, prepare, wanted, worker_count
from gwt.process.signals import Signals, exit_with
from gwt.process.supervised import Supervised
from gwt.sockets import Binder, bind


def make_service(reactor: Any, configuration: Configuration, log_format: str = "text") -> IService:
    """What twistd runs. Sockets are bound here, before anything else happens: SystemExit(2) with one line if not."""
    prepare(reactor)
    workers = worker_count(configuration)
    binder = Binder(workers, single=["admin"])
    try:
        check_certificates(configuration)
        for role, texts in wanted(configuration).items():
            for text in texts:
                bind(binder, role, text)
        if workers > 1:
            return LifeService(reactor, Supervised(reactor, configuration, binder, log_format))
        return LifeService(reactor, Alone(reactor, configuration, binder))
    except TROUBLE as error:
        binder.keep(())
        give_up(error)


def give_up(error: BaseException) -> NoReturn:
    """End a process that has not begun, with one line and status 2."""
    print(f"gwt: {one_line(error)}", file=sys.stderr)
    raise SystemExit(2)


class LifeService(Service):
    """A life as a Twisted service."""

    def __init__(self, reactor: Any, life: Any) -> None:
        self._reactor, self._life = reactor, life

    def startService(self) -> None:
        super().startService()
        Signals(self._reactor, self._life).install()
        self._reactor.callWhenRunning(self._start)

    def _start(self) -> None:
        self._life.start().addErrback(self._failed)

    def _failed(self, failure: Any) -> None:
        known = failure.check(*TROUBLE) is not None
        text = one_line(failure.value) if known else failure.getTraceback()
        exit_with(self._reactor, 2 if known else 1, f"gwt: {text}")

    def stopService(self) -> Deferred[Any]:
        super().stopService()
        return self._life.stop()
