"""Resources for gateway.yaml's `resources:`, and a plain Site around the gateway's tree: what tests/system mounts."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.task import deferLater
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Site
from twisted.web.static import File
from twisted.web.wsgi import WSGIResource

reactor: Any = _reactor


class Later(Resource):
    """Answers in two pieces, a little later."""

    isLeaf = True

    def render_GET(self, request: Any) -> Any:
        request.write(b"first ")

        def rest() -> None:
            request.write(b"second")
            request.finish()

        deferLater(reactor, 0.05, rest)
        return NOT_DONE_YET


class Echo(Resource):
    """Answers with the body and its length."""

    isLeaf = True

    def render_POST(self, request: Any) -> bytes:
        body = request.content.read()
        return b"%d %b" % (len(body), body[:100])


class Stuck(Resource):
    """Keeps the whole process until the other end of a pipe is closed."""

    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        with open(os.environ["STUCK_AT"], "rb") as pipe:
            return pipe.read() or b"free"


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A WSGI application that tells what it was asked."""
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    asked = f"{environ['REQUEST_METHOD']} {environ['SCRIPT_NAME']} {environ['PATH_INFO']} {environ['QUERY_STRING']} "
    yield asked.encode()
    yield body


def stuck() -> Stuck:
    return Stuck()


def files() -> File:
    return File(os.environ["MOUNTED_FILES"])


def later() -> Later:
    return Later()


def echo() -> Echo:
    return Echo()


def wsgi() -> WSGIResource:
    reactor.suggestThreadPoolSize(2)
    return WSGIResource(reactor, reactor.getThreadPool(), application)


def gateway_tree(upstream: str) -> IResource:
    """The gateway's own resource tree, with one route for everything of a.example to `upstream`."""
    from gwt.balance.endpoint import Registry
    from gwt.compile import compile_now, empty_snapshot
    from gwt.delta import Delta
    from gwt.edge.resource import GatewayResource
    from gwt.model.route import EndpointSpec, Path, Route, Service, ServiceSpec
    from gwt.phase.ticker import Ticker
    from gwt.proxy import Proxy
    from gwt.snapshot import Current
    from gwt.surroundings import Surroundings
    from gwt.upstream.pool import Pools
    from gwt.wire.forwarded import Ids

    surroundings = Surroundings(Registry(time.monotonic, random.random))
    service = Service(name="s", port=80, paths=(Path("/"),))
    routes = {"r": Route(name="r", hosts=("a.example",), namespace="n", services=(service,))}
    services = {"n/s:80": ServiceSpec("n/s:80", (EndpointSpec(upstream),))}
    current = Current(compile_now(empty_snapshot(surroundings), Delta(1, routes, services), surroundings))
    proxy = Proxy(Pools(reactor, time.monotonic), Ticker(), time.monotonic, Ids(os.urandom))
    return GatewayResource(current, proxy, {})


if __name__ == "__main__":
    port = reactor.listenTCP(0, Site(gateway_tree(sys.argv[1])), interface="127.0.0.1")
    print(f"listening on {port.getHost().port}", flush=True)
    reactor.run()
