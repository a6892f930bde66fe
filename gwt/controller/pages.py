"""Pages: /healthz, /readyz and /metrics of the controller."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import Site

from gwt.controller.controller import Controller
from gwt.metrics import CONTENT_TYPE, exposition

#: What a page says: status, content type, body.
Page = tuple[int, str, str]


class _Page(Resource):
    isLeaf = True

    def __init__(self, page: Callable[[], Page]) -> None:
        super().__init__()
        self._page = page

    def render_GET(self, request: Any) -> bytes:
        status, kind, body = self._page()
        request.setResponseCode(status)
        request.setHeader(b"content-type", kind.encode())
        request.setHeader(b"cache-control", b"no-store")
        return body.encode()


def pages(controller: Controller) -> Resource:
    """The tree."""
    root = Resource()
    root.putChild(b"healthz", _Page(lambda: (200, "text/plain", "ok\n")))
    root.putChild(b"readyz", _Page(lambda: _ready(controller)))
    root.putChild(b"metrics", _Page(lambda: (200, CONTENT_TYPE, exposition(controller.figures.metrics))))
    return root


def site(controller: Controller) -> Site:
    """The factory for the listener."""
    made = Site(pages(controller), timeout=60)
    made.displayTracebacks = False
    made.noisy = False
    return made


def _ready(controller: Controller) -> Page:
    return 200 if controller.ready else 503, "application/json", json.dumps(controller.report()) + "\n"
