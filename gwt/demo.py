"""The demo: three small echo services in the gateway's own process, and the packaged routes that lead to them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.web.resource import Resource
from twisted.web.server import Site

from gwt.configuration import data_directory

#: Name and preferred port of each service; the routes name these ports.
SERVICES = (("red", 9091), ("green", 9092), ("blue", 9093))

#: Listener, what it shows, and the command.
TRIES = (
    ("proxy", "balanced over two services, one with twice the weight", "curl http://127.0.0.1:{}/"),
    ("proxy", "another service, its prefix cut off", "curl 'http://127.0.0.1:{}/api/orders?limit=3'"),
    ("proxy", "a Route for many environments", "curl -H 'Host: foo-test.example.com' http://127.0.0.1:{}/headers"),
    (
        "service_proxy",
        "the service proxy: any service by its name",
        "curl http://127.0.0.1:{}/__users.demo.8080__/hello",
    ),
    ("admin", "why a request goes where it goes", "curl 'http://127.0.0.1:{}/v1/explain?url=http://any.host/users/7'"),
    ("admin", "what is counted", "curl http://127.0.0.1:{}/metrics"),
)


class Echo(Resource):
    """Answers any request with JSON that says who answered and what arrived."""

    isLeaf = True

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def render(self, request: Any) -> bytes:
        request.setHeader(b"content-type", b"application/json")
        told = {
            "service": self._name,
            "method": request.method.decode("latin-1"),
            "path": request.uri.decode("latin-1"),
            "headers": {
                name.decode("latin-1"): b", ".join(values).decode("latin-1")
                for name, values in request.requestHeaders.getAllRawHeaders()
            },
            "body": request.content.read(4096).decode("utf-8", "replace"),
        }
        return json.dumps(told, indent=2).encode() + b"\n"


class EchoSite(Site):
    """A Site that says nothing when it starts, stops and serves."""

    noisy = False

    def log(self, request: Any) -> None:
        """The gateway logs the request."""


class Demo:
    """The echo services: they listen as soon as this exists. `documents` are the packaged routes with their ports."""

    def __init__(self, reactor: Any) -> None:
        self.ports = [self._listen(reactor, name, port) for name, port in SERVICES]
        self.documents = documents([port.getHost().port for port in self.ports])

    @staticmethod
    def _listen(reactor: Any, name: str, port: int) -> Any:
        """On the preferred port, or on any that is free."""
        try:
            return reactor.listenTCP(port, EchoSite(Echo(name)), interface="127.0.0.1")
        except CannotListenError:
            return reactor.listenTCP(0, EchoSite(Echo(name)), interface="127.0.0.1")

    def stop(self) -> None:
        """Listen no more."""
        for port in self.ports:
            port.stopListening()


def documents(ports: Sequence[int]) -> str:
    """The packaged routes, with `ports` in place of the preferred ones."""
    text = (data_directory() / "demo-routes.yaml").read_text(encoding="utf-8")
    for (_, preferred), port in zip(SERVICES, ports, strict=True):
        text = text.replace(f"127.0.0.1:{preferred}", f"127.0.0.1:{port}")
    return text


def tries(ports: Mapping[str, int]) -> list[str]:
    """What to try, as lines for the start-up message; `ports` by listener."""
    lines = []
    for role, what, command in TRIES:
        if role in ports:
            lines += [f"  # {what}", f"  {command.format(ports[role])}"]
    return lines
