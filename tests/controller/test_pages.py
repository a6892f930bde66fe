from __future__ import annotations

import json
from typing import Any

from twisted.web.test.requesthelper import DummyRequest

from gwt.controller.figures import Figures
from gwt.controller.pages import pages, site
from gwt.metrics import Metrics


class Controlled:
    def __init__(self, ready: bool) -> None:
        self.ready, self.figures = ready, Figures(Metrics.private())

    def report(self) -> dict[str, Any]:
        return {"status": "ready" if self.ready else "starting"}


def fetch(name: bytes, ready: bool = True) -> tuple[int, bytes]:
    controller: Any = Controlled(ready)
    request = DummyRequest([name])
    body = pages(controller).getChildWithDefault(name, request).render(request)
    return request.responseCode or 200, body


def test_alive_ready_and_counted() -> None:
    assert fetch(b"healthz") == (200, b"ok\n")
    assert json.loads(fetch(b"readyz")[1]) == {"status": "ready"}
    assert fetch(b"readyz", False)[0] == 503
    assert b"gwt_controller_leader 0" in fetch(b"metrics")[1]
    assert fetch(b"other")[0] == 404


def test_tracebacks_are_for_the_log() -> None:
    controller: Any = Controlled(True)
    assert not site(controller).displayTracebacks
