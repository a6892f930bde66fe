"""The documents of the store as values: what an operator wrote, checked and typed.

Frozen dataclasses without behaviour. `model.parse` makes them, `snapshot.compile` reads them.
Field names are those of the documents (docs/routes.md); a `line` of 0 means "not known".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from gwt.model.value import value

NO_LINES: Mapping[str, int] = {}


@value
class Source:
    """Where a document came from: a file (or namespace/configmap/key) and the line on which it starts.

    `index` counts the documents of one text from 0. `name` is set where the text has a name of its own within
    `file` (namespace/configmap/key of a ConfigMap that stands in a file).
    """

    file: str
    line: int = 0
    index: int = 0
    name: str = ""

    @property
    def identity(self) -> str:
        """file[#n] or namespace/configmap/key[#n]: n counts from 2, the first document goes without."""
        base = self.name or self.file
        return f"{base}#{self.index + 1}" if self.index else base


@value
class Timeout:
    """Seconds. `first_byte`: until the head of the answer; `read`: without a byte; `total`: None = unlimited."""

    connect: float = 5.0
    first_byte: float = 60.0
    read: float = 60.0
    total: float | None = None


@value
class RateLimit:
    """`rate` requests a second with `burst` extra; `selectors` of ip, user, service, path choose the bucket."""

    rate: int
    burst: int = 0
    selectors: tuple[str, ...] = ()


@value
class Access:
    """What one level (global, route, service, path) says of the access policy; None = this level says nothing.

    `lines` maps a field that is set here to the line on which it stands.
    """

    auth_type: str | tuple[str, ...] | None = None
    require: Mapping[str, tuple[str, ...]] | None = None
    timeout: Timeout | None = None
    rate_limits: tuple[RateLimit, ...] | None = None
    ip_allow: tuple[str, ...] | None = None
    ip_deny: tuple[str, ...] | None = None
    retries: int | None = None
    retry_buffer: int | None = None
    max_body: int | None = None
    max_message: int | None = None
    lines: Mapping[str, int] = field(default_factory=lambda: NO_LINES)


NO_ACCESS = Access()


@value
class PluginUse:
    """A plugin named at one level: its configuration as written, or None where it is turned off (`NAME: false`).

    `lines` maps paths within the configuration to their lines, as far as they are known. `written` is its text, from
    the beginning of `line`, where that is not long: for the columns of what may be wrong in it (`model.columns`).
    """

    name: str
    conf: Mapping[str, Any] | None
    line: int = 0
    lines: Mapping[tuple[str | int, ...], int] = field(default_factory=dict, compare=False, repr=False)
    written: str = field(default="", compare=False, repr=False)

    def line_of(self, path: tuple[str | int, ...]) -> int:
        """The line of what `path` names in the configuration, else of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, self.line)


@value
class Balance:
    """`kind`: round_robin, sticky, least_conn, p2c.

    Sticky only: `by` user, ip, header, cookie (None = user, else ip), and `name` of the last two.
    """

    kind: str = "round_robin"
    by: str | None = None
    name: str | None = None


@value
class Rewrite:
    """Exactly one is set: `strip` a prefix, put `prefix` before, or substitute `regex` (pattern, replacement)."""

    strip: str | None = None
    prefix: str | None = None
    regex: tuple[str, str] | None = None


@value
class Path:
    """One entry of `paths`: conditions, all of which must hold, and what is particular to what they match."""

    uri: str
    match: str = "prefix"  # prefix | exact | regex | template
    methods: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    remote_addrs: tuple[str, ...] = ()
    vars: tuple[tuple[str, str, Any], ...] = ()
    priority: int = 0
    rewrite: Rewrite | None = None
    access: Access = NO_ACCESS
    plugins: tuple[PluginUse, ...] = ()
    line: int = 0


@value
class ServiceTls:
    """How the endpoints of a service are known, and what is shown to them; None = as gateway.yaml has it.

    `ca`: certificates of authorities, PEM; `server_name`: the name that theirs must bear; `certificate`: the name of
    one of the documents `tls:`, to be shown to them.
    """

    verify: bool | None = None
    ca: str | None = None
    server_name: str | None = None
    certificate: str | None = None


@value
class Service:
    """One entry of `services`: exactly one of `name` (with `port`), `upstream` or `resource` is set."""

    name: str | None = None
    upstream: str | None = None
    resource: str | None = None
    port: int | str | None = None
    namespace: str | None = None
    protocol: str = "http"  # http | https | h2c | h2 | grpc | grpcs
    balance: Balance = Balance()
    host: str = "preserve"  # preserve | upstream | a literal
    access: Access = NO_ACCESS
    plugins: tuple[PluginUse, ...] = ()
    paths: tuple[Path, ...] = ()
    line: int = 0
    tls: ServiceTls | None = None


@value
class Env:
    """`{mark}` in a host stands for `mark`; services are then looked up in `namespace`."""

    mark: str
    namespace: str | None


@value
class Stream:
    """What makes a Route one of connections instead of requests: it is served by the listener of this name.

    `proxy_protocol` v1 or v2 tells the endpoint who the client is; `max_connections` at once, in each worker.
    """

    listener: str
    proxy_protocol: str | None = None
    max_connections: int | None = None


@value
class Route:
    """A Route document. `name` is unique in a store; `source` is where it was read.

    With `stream`, `hosts` are names that TLS clients ask for (`*`: any connection), and its one service has no paths.
    """

    name: str
    hosts: tuple[str, ...]
    namespace: str | None = None
    envs: tuple[Env, ...] = ()
    access: Access = NO_ACCESS
    plugins: tuple[PluginUse, ...] = ()
    services: tuple[Service, ...] = ()
    source: Source = Source("")
    stream: Stream | None = None


@value
class Rule:
    """One `{url, action, cluster}` rule. `action`: forward (to `cluster`), deny, redirect (to `to`, with `code`)."""

    host: str
    url: str
    action: str
    cluster: str | None = None
    to: str | None = None
    code: int = 302
    source: Source = Source("")


@value
class EndpointSpec:
    """One address of a service, as written or as Kubernetes reports it. `address` is `IP:PORT` or `[v6]:PORT`."""

    address: str
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    weight: int = 1
    zone: str | None = None


@value
class ServiceSpec:
    """What stands behind `namespace/name:port` (the Service's port number) or a bare upstream name.

    `protocol` is the appProtocol if one was given; `port_name` lets a Route name the port;
    `external_name` is where an ExternalName Service leads; `endpoints` is empty until it is resolved.
    """

    key: str
    endpoints: tuple[EndpointSpec, ...] = ()
    protocol: str | None = None
    port_name: str | None = None
    source: str = "tool"  # kube | admin | tool | file
    external_name: str | None = None


@value
class Problem:
    """Something wrong in a document, said so that it can be mended: `FILE:LINE:COLUMN: error: message`.

    `line` and `column` count from 1 (0 = not known); `text` is the line itself; `name` is the
    document's name where it could be read; `severity` is error or warning. `closes`: an error with which the document
    comes into force all the same, the paths that are concerned closed.
    """

    file: str
    line: int
    column: int
    message: str
    text: str = ""
    name: str | None = None
    severity: str = "error"
    closes: bool = False

    @property
    def keeps_out(self) -> bool:
        """Whether the document can't come into force with it."""
        return self.severity == "error" and not self.closes


@value
class Quarantined:
    """A document that can't be used: its problems, and the hosts that could still be read from it.

    `stream` is the listener that they are names of, where it is a document of connections.
    """

    name: str | None
    hosts: tuple[str, ...]
    problems: tuple[Problem, ...]
    source: Source
    stream: str | None = None
