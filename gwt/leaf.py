"""Leaf: what the router finds for a request, one Path of one Route in one environment, compiled.

Everything that a request may ask of its Path stands here as a plain value, so that the request path computes
nothing: it follows pointers. Made by `gwt.branches`, shared by all hosts of a Route that mean the same namespace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from gwt.errors import GatewayError
from gwt.model.forms import FRAMED
from gwt.model.policy import Policy
from gwt.model.route import Balance, Path, Route, Rule, Service, ServiceTls, Source
from gwt.phase.chain import Chain
from gwt.route.path import BadPath


class LeafOrigin(NamedTuple):
    """Where a Leaf comes from, for people: the documents as they were read (None where there is no such part)."""

    source: Source
    line: int = 0
    mark: str | None = None
    namespace: str | None = None
    route: Route | None = None
    service: Service | None = None
    path: Path | None = None
    rule: Rule | None = None


@dataclass(eq=False, slots=True)
class Leaf:
    """What is done with a request that matches.

    Names (`route`, `service`, `path`) are for logs and metrics. `closed` wins over everything: the answer is that
    error. Otherwise `action` says what happens: `forward` to the upstream of key `upstream` or to the mounted
    `resource`, `deny` with `closed` set, `redirect` to `location` with status `redirect_code`.
    `host_mode`: None sends the client's Host on, b"" the endpoint's own `authority`, else these bytes.
    Times are in seconds, sizes in bytes; `total`, `max_message`: None = unlimited.
    `tls`: how the upstream is known over TLS, None in the clear; `framed`: it is spoken to by HTTP/2.
    `depth`: how many segments of its path a mounted resource stands below; none where the path is rewritten.
    `chain` is what guards and changes requests on their way (None: nothing does; `closed` goes before it).
    `stats` and `handler` are filled by the request path when it first needs them; all else never changes.
    """

    route: str
    service: str
    path: str
    policy: Policy
    origin: LeafOrigin
    action: str = "forward"
    upstream: str | None = None
    resource: str | None = None
    protocol: str = "http"
    balance: Balance = field(default_factory=Balance)
    host_mode: bytes | None = None
    tls: ServiceTls | None = None
    rewrite: Callable[[bytes], bytes] | None = None
    depth: int = 0
    closed: GatewayError | None = None
    location: bytes | None = None
    redirect_code: int = 302
    chain: Chain | None = None
    stats: Any = None
    handler: Any = None
    connect: float = field(init=False)
    first_byte: float = field(init=False)
    read: float = field(init=False)
    total: float | None = field(init=False)
    retries: int = field(init=False)
    retry_buffer: int = field(init=False)
    max_body: int = field(init=False)
    max_message: int | None = field(init=False)
    framed: bool = field(init=False)

    def __post_init__(self) -> None:
        """What of the policy every request asks for stands in the leaf itself: a pointer less to follow."""
        policy = self.policy
        self.framed = self.protocol in FRAMED
        self.connect, self.first_byte, self.read, self.total = (
            policy.connect,
            policy.first_byte,
            policy.read,
            policy.total,
        )
        self.retries, self.retry_buffer = policy.retries, policy.retry_buffer
        self.max_body, self.max_message = policy.max_body, policy.max_message

    def aimed(self, upstream: str | None, host: bytes | None, rewritten: bool) -> Leaf:
        """This leaf with another upstream or Host (None: its own); `rewritten`: the path is the upstream's already."""
        return replace(
            self,
            upstream=self.upstream if upstream is None else upstream,
            host_mode=self.host_mode if host is None else host,
            rewrite=None if rewritten else self.rewrite,
            depth=0 if rewritten else self.depth,
        )

    def asked(self, path: bytes) -> bytes:
        """What an upstream or a resource is asked for where `path` was matched. GatewayError where that is no path."""
        if self.rewrite is None:
            return path
        try:
            return self.rewrite(path)
        except BadPath as error:
            raise GatewayError("bad_request", f"the rewritten path is none: {error}") from None
