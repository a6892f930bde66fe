"""The service proxy: `/__service.namespace.port__/path` on its own listener, for clients that can't resolve Services.

Where the path is not the client's to choose, as with gRPC, the field `x-gwt-service: service.namespace.port` does it.
Which Services may be reached is decided before anything says whether they exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import translate

from gwt.errors import GatewayError
from gwt.fitting import Outermost
from gwt.guards import Spot
from gwt.leaf import Leaf, LeafOrigin
from gwt.model.forms import ENCRYPTED, FRAMED
from gwt.model.route import ServiceTls, Source

_FORM = re.compile(rb"/__([a-z0-9-]+)\.([a-z0-9-]+)\.([1-9][0-9]{0,4})__(/.*)?", re.DOTALL).fullmatch
_NAME = re.compile(rb"([a-z0-9-]+)\.([a-z0-9-]+)\.([1-9][0-9]{0,4})").fullmatch
#: The field that chooses a Service by its value.
FIELD = b"x-gwt-service"


class Gate:
    """Allow and deny lists of `namespace/service` globs; deny wins."""

    def __init__(self, allow: Sequence[str], deny: Sequence[str]) -> None:
        self._allow, self._deny = _either(allow), _either(deny)

    def admits(self, namespace: str, service: str) -> bool:
        """Whether the Service may be reached."""
        name = f"{namespace}/{service}"
        return self._allow(name) is not None and self._deny(name) is None


def _either(globs: Sequence[str]) -> Callable[[str], re.Match[str] | None]:
    return re.compile("|".join(map(translate, globs)) or r"(?!)").fullmatch


def parse(path: bytes) -> tuple[str, str, int, bytes]:
    """Service, namespace, port and the path behind them. Raises GatewayError `no_route` for any other form.

    `path` is the raw path of the target: an escape or a doubled marker in the first segment is another form.
    """
    found = _FORM(path)
    port = int(found.group(3)) if found else 0
    if found is None or port > 65535:
        raise GatewayError("no_route", "no matching route: the form is /__service.namespace.port__/path")
    return found.group(1).decode(), found.group(2).decode(), port, found.group(4) or b"/"


def parse_name(said: bytes) -> tuple[str, str, int]:
    """Service, namespace and port of the field's value. Raises GatewayError `no_route` for any other form."""
    found = _NAME(said)
    port = int(found.group(3)) if found else 0
    if found is None or port > 65535:
        raise GatewayError("no_route", "no matching route: the form is x-gwt-service: service.namespace.port")
    return found.group(1).decode(), found.group(2).decode(), port


def spoken(said: str | None, grpc: bool) -> str:
    """What is spoken to a Service that is said to speak `said`: for calls of gRPC always HTTP/2."""
    secure = said in ENCRYPTED
    if grpc or said in FRAMED:
        return "h2" if secure else "h2c"
    return "https" if secure else "http"


class ServiceLeaves:
    """The leaf of each Service that was asked for, made once (bounded) under what gateway.yaml says."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._under: Outermost | None = None
        self._leaves: dict[tuple[str, str, int, str], Leaf] = {}

    def leaf(self, service: str, namespace: str, port: int, outermost: Outermost, protocol: str = "http") -> Leaf:
        """The leaf for what speaks `protocol`; its `closed` says 403 where the lists do not admit the Service."""
        if self._under is not outermost or len(self._leaves) > 10_000:
            self._under = outermost
            self._leaves.clear()
        key = service, namespace, port, protocol
        known = self._leaves.get(key)
        if known is None:
            known = self._leaves[key] = self._make(service, namespace, port, outermost, protocol)
        return known

    def _make(self, service: str, namespace: str, port: int, outermost: Outermost, protocol: str) -> Leaf:
        closed = None
        chain, why = outermost.chain(Spot("-", f"{service}.{namespace}.{port}", "/", namespace))
        if not self._gate.admits(namespace, service):
            closed = GatewayError("denied", f"the service proxy does not serve {namespace}/{service}")
        elif why:
            closed = GatewayError("policy", "the service proxy is closed: its policy can't be applied")
        return Leaf(
            route="-",
            service=f"{service}.{namespace}.{port}",
            path="/",
            policy=outermost.policy,
            origin=LeafOrigin(Source("gateway.yaml")),
            upstream=f"{namespace}/{service}:{port}",
            protocol=protocol,
            tls=ServiceTls(server_name=f"{service}.{namespace}.svc") if protocol in ENCRYPTED else None,
            host_mode=f"{service}.{namespace}.svc:{port}".encode(),
            closed=closed,
            chain=chain,
        )
