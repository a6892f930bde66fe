"""One request and its answer: the record that every room above the wire works on.

An `Exchange` knows what was asked (`head`, `host`, `path`, `client`), what was decided
(`snapshot`, `leaf`, `endpoint`), and how it went (`status`, `code`, sizes, times). How an
answer reaches the client is the business of its subclasses, one for each kind of listener.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote_to_bytes

from gwt.errors import GatewayError
from gwt.identity.claims import identity_of
from gwt.identity.identity import Identity
from gwt.phase import fields as lines
from gwt.wire.grpc import is_grpc
from gwt.wire.names import field
from gwt.wire.request import RequestHead
from gwt.wire.response import ResponseHead

if TYPE_CHECKING:
    from gwt.phase.answer import Answer
    from gwt.phase.outgoing import Outgoing
    from gwt.phase.tools import Tools, Zone
    from gwt.tls.peer import Handshake

_PLUS, _PERCENT = b"+%"


class Reader(Protocol):
    """Who takes the request's body and hears of the client: the forwarding to an upstream, or a mounted resource."""

    @property
    def connecting(self) -> bool:
        """Whether a connection is made for it."""

    def body(self, data: bytes) -> None:
        """More of the body, decoded, never empty."""

    def body_end(self, trailers: list[bytes]) -> None:
        """The body is complete."""

    def client_gone(self) -> None:
        """The client's connection is lost: nothing more can be answered."""

    def pause_answer(self) -> None:
        """The client does not keep up."""

    def resume_answer(self) -> None:
        """The client takes more."""


class Exchange:
    """One request and its answer. What is not known yet has its default.

    `path` is the normalised path and `host` the normalised host, both as bytes; `client` the client's
    address as text; `started` is on the monotonic clock, `time` seconds since the epoch;
    `upstream_seconds` is from the pick of the last endpoint to the end of its answer. `whole`: all of the request's
    body is here, so that an early answer leaves nothing behind. `phases` is the run of the leaf's chain, where it has
    begun to need one (`gwt.phase.phases`), `edit` what becomes of its answer where it needs none; plugins use the
    properties below.
    """

    __slots__ = (
        "_args", "_cookies", "answered", "answering", "body_done", "bytes_in", "bytes_out", "claims", "client", "code",
        "duration", "edit", "endpoint", "forwarded_host", "forwarded_lines", "gone", "head", "host", "leaf", "path",
        "phases", "protocol", "reader", "request_id", "snapshot", "started", "status", "time", "tries",
        "upstream_seconds", "user", "whole",
    )  # fmt: skip

    def __init__(self, head: RequestHead) -> None:
        self.head = head
        self.client = ""
        self.host = b""
        self.path = b"/"
        self.forwarded_lines = b""
        self.forwarded_host: bytes | None = None
        self.request_id = b""
        self.time = 0.0
        self.started = 0.0
        self.duration = 0.0
        self.snapshot: Any = None
        self.leaf: Any = None
        self.endpoint: Any = None
        self.reader: Reader | None = None
        self.body_done = True
        self.whole = False
        self.phases: Any = None
        self.edit: Any = None
        self.claims: Mapping[str, Any] | None = None
        self.answering = False
        self.answered = False
        self.gone = False
        self.status = 0
        self.code: str | None = None
        self.user: str | None = None
        self.tries = 0
        self.upstream_seconds: float | None = None
        self.bytes_in = 0
        self.bytes_out = 0
        self.protocol = "HTTP/1.1"
        self._args: dict[bytes, bytes] | None = None
        self._cookies: dict[bytes, bytes] | None = None

    # -- what the access log asks (`gwt.logline.LogRecord`)

    @property
    def uri(self) -> bytes:
        """The target as the client sent it."""
        return self.head.target

    @property
    def user_agent(self) -> bytes | None:
        """User-Agent."""
        return self.head.user_agent

    @property
    def referer(self) -> bytes | None:
        """Referer."""
        return self.head.referer

    @property
    def upstream(self) -> str | None:
        """The address of the endpoint that was tried last."""
        return None if self.endpoint is None else self.endpoint.address

    @property
    def route(self) -> str | None:
        """The Route's name; likewise `service`, and `path_uri` of the Path."""
        return None if self.leaf is None else self.leaf.route

    @property
    def service(self) -> str | None:
        return None if self.leaf is None else self.leaf.service

    @property
    def path_uri(self) -> str | None:
        return None if self.leaf is None else self.leaf.path

    @property
    def revision(self) -> int:
        """Of the snapshot that the exchange began with."""
        return 0 if self.snapshot is None else self.snapshot.revision

    # -- what conditions and policies ask

    @property
    def method(self) -> bytes:
        """The request's method."""
        return self.head.method

    def header(self, name: bytes) -> bytes | None:
        """A request field by its lower-case name."""
        if name == b"host":
            return self.host
        return self.head.header(name)

    def arg(self, name: bytes) -> bytes | None:
        """The first value of a query parameter, decoded."""
        if self._args is None:
            self._args = _arguments(self.head.query or b"")
        value = self._args.get(name)
        return None if value is None else _decoded(value)

    def cookie(self, name: bytes) -> bytes | None:
        """The first value of a cookie."""
        if self._cookies is None:
            self._cookies = _first_values([part.strip(b" \t") for part in (self.head.cookie or b"").split(b";")])
        return self._cookies.get(name)

    @property
    def query(self) -> bytes | None:
        """What follows the `?` of the target, as it is; None without one."""
        return self.head.query

    @property
    def scheme(self) -> bytes:
        """`https` or `http`: how the client came, as far as proxies that are trusted say."""
        return field(self.forwarded_lines, b"x-forwarded-proto") or b"http"

    @property
    def tls(self) -> Handshake | None:
        """What the handshake of the client's connection has settled; None where there was none."""
        return None

    @property
    def server_addr(self) -> str:
        """The address of this node that the client reached; "" where there is none (a unix socket)."""
        raise TypeError(type(self))

    # -- for plugins: what a chain keeps for this exchange

    @property
    def request(self) -> Outgoing:
        """The request that goes upstream: to be changed in rewrite and access."""
        outgoing: Outgoing = (self.phases or self.leaf.chain.begin(self)).outgoing
        return outgoing

    @property
    def answer(self) -> Answer | None:
        """The head of the answer: to be changed in header_filter, None before it."""
        answer: Answer | None = (self.phases or self.leaf.chain.begin(self)).answer
        return answer

    @property
    def notes(self) -> dict[str, Any]:
        """What plugins keep from one phase to the next, by their names."""
        notes: dict[str, Any] = (self.phases or self.leaf.chain.begin(self)).notes
        return notes

    @property
    def tools(self) -> Tools:
        """Clock, reactor and shared zones of this process."""
        tools: Tools = self.leaf.chain.tools
        return tools

    def shared(self, zone: str) -> Zone:
        """A part of the memory that all workers of this node share."""
        return self.tools.shared(zone)

    def identify(self, user: str, claims: Mapping[str, Any] | None = None) -> None:
        """The client is `user` (1 to 256 visible ASCII characters, else ValueError): the upstream is told so."""
        self.admit(identity_of({**(claims or {}), "sub": user}))

    def admit(self, identity: Identity) -> None:
        """The client is `identity`: its ready-made lines go upstream, in place of any that a plugin has set. Hot."""
        head = self.head
        if self.user is not None or self.phases is not None:
            head.fields = lines.removed(lines.removed(head.fields, b"x-user-id"), b"x-user-info")
        head.fields += identity.lines
        self.user, self.claims = identity.sub, identity.claims

    @property
    def wants_grpc(self) -> bool:
        """Whether errors must be told as `grpc-status`."""
        kind = self.head.header(b"content-type")
        return kind is not None and is_grpc(kind) is not None

    # -- what an answer is made of; told by subclasses in their protocol

    def interim(self, head: ResponseHead) -> None:
        """Pass a 1xx on, where the client's protocol has a place for it."""
        raise TypeError(type(self))

    def respond(self, status: int, reason: bytes, fields: bytes, length: int | None, body: bytes, done: bool) -> None:
        """Begin the answer.

        `fields` are field lines, each with its CRLF; Content-Length is among them where `length`, that of the body,
        is known (None: it is not), other framing never. `body` is what is there of it already; `done` says that
        nothing will follow.
        """
        raise TypeError(type(self))

    def send(self, data: bytes) -> None:
        """More of the answer's body, not empty."""
        raise TypeError(type(self))

    def finish(self, trailers: list[bytes]) -> None:
        """The answer is complete."""
        raise TypeError(type(self))

    def fail(self, error: GatewayError) -> None:
        """Answer with an error, or break the answer off visibly where it has begun."""
        raise TypeError(type(self))

    def tunnel(self, fields: bytes) -> None:
        """Answer 101; from now on bytes pass as they are."""
        raise TypeError(type(self))

    def pause_body(self) -> None:
        """The upstream does not keep up: stop reading the request's body."""
        raise TypeError(type(self))

    def resume_body(self) -> None:
        """The upstream takes more."""
        raise TypeError(type(self))


def _first_values(parts: list[bytes]) -> dict[bytes, bytes]:
    """NAME=VALUE, or NAME alone: of a name that comes again the first counts."""
    found: dict[bytes, bytes] = {}
    for part in parts:
        name, _, value = part.partition(b"=")
        found.setdefault(name, value)
    return found


def _arguments(query: bytes) -> dict[bytes, bytes]:
    """Names decoded, values not: thousands may come, and hardly any is asked for."""
    found = _first_values(query.split(b"&"))
    if _PERCENT not in query and _PLUS not in query:
        return found
    decoded: dict[bytes, bytes] = {}
    for name, value in found.items():
        decoded.setdefault(_decoded(name), value)
    return decoded


def _decoded(text: bytes) -> bytes:
    """A name or value of a query as it was meant."""
    if _PLUS in text:
        text = text.replace(b"+", b" ")
    return unquote_to_bytes(text) if _PERCENT in text else text
