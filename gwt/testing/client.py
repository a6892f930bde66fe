"""Client: one connection to a gateway in memory, for one request at a time; Answer: what came back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gwt.testing.reading import Headers, Reading, Seen, cut, read_reply
from gwt.testing.wire import Wire

if TYPE_CHECKING:
    from gwt.testing.gateway import Gateway

Text = str | bytes
Fields = Mapping[str, Text] | Iterable[tuple[Text, Text]]


@dataclass(frozen=True, repr=False)
class Answer:
    """`headers` by name in any case, `body` as bytes. `upstream` is the request that the upstream got, if it got one;
    of several tries it is the last. `complete`: False where the connection broke in the middle. `errors` are what
    plugins raised meanwhile.
    """

    status: int
    headers: Headers
    body: bytes
    trailers: Headers
    complete: bool
    upstream: Seen | None
    errors: tuple[BaseException, ...]

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()

    def __repr__(self) -> str:
        said = "".join(f", a plugin raised {error!r}" for error in self.errors)
        return f"<Answer {self.status} {self.body[:60]!r}{'' if self.complete else ', cut off'}{said}>"


@dataclass(frozen=True)
class Request:
    """A request as a client writes it. `pieces` are the lengths in which its bytes arrive, the rest in one;
    `chunked` sends the body in chunks of those lengths.
    """

    method: str = "GET"
    target: str = "/"
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes = b""
    host: str = "gateway.test"
    pieces: Sequence[int] = ()
    chunked: bool = False
    client: str = "192.0.2.7"

    @classmethod
    def of(cls, method: str, target: str, headers: Fields, body: Text, **more: Any) -> Request:
        """With headers and a body as people write them."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        found = tuple((_octets(name), _octets(value)) for name, value in pairs)
        return cls(method, target, found, body if isinstance(body, bytes) else body.encode(), **more)

    def wire(self) -> list[bytes]:
        """Its bytes, in the pieces in which they arrive."""
        lines = [f"{self.method} {self.target} HTTP/1.1\r\n".encode("latin-1")]
        if not any(name.lower() == b"host" for name, _ in self.headers):
            lines.append(b"Host: %b\r\n" % self.host.encode())
        lines += [b"%b: %b\r\n" % pair for pair in self.headers]
        body = self.body
        if self.chunked:
            lines.append(b"Transfer-Encoding: chunked\r\n")
            body = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in cut(body, self.pieces)) + b"0\r\n\r\n"
        elif body or self.method in ("POST", "PUT", "PATCH"):
            lines.append(b"Content-Length: %d\r\n" % len(body))
        return cut(b"".join(lines) + b"\r\n" + body, self.pieces)


def _octets(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


class Client:
    """A connection that has sent one request: its `answer`, once it is there."""

    def __init__(self, gateway: Gateway, request: Request) -> None:
        self.gateway, self.request = gateway, request
        self.written = b""
        self._seen_before, self._raised_before = len(gateway.seen), len(gateway.raised)
        self.channel: Any = gateway.factory.buildProtocol(None)
        self.wire = Wire(self.channel, self._took, request.client)
        self.channel.makeConnection(self.wire)
        self._unsent = request.wire()
        self._reply: Reading | None = None

    def _took(self, data: bytes) -> None:
        self.written += data

    def send(self, pieces: int | None = None) -> Client:
        """Send so many pieces of the request, or all that is left of it."""
        count = len(self._unsent) if pieces is None else pieces
        now, self._unsent = self._unsent[:count], self._unsent[count:]
        for piece in now:
            self.wire.deliver(piece)
            self.gateway.settle()
        return self

    def vanish(self) -> None:
        """The client's connection is lost."""
        self.wire.lose(clean=False)
        self.gateway.settle()

    def settle(self) -> bool:
        """Whether the gateway has closed the connection just now."""
        return self.wire.settle()

    @property
    def done(self) -> bool:
        """The answer is complete, or nothing more can come."""
        return self.wire.over or ((reply := self._read()) is not None and reply.complete)

    @property
    def answer(self) -> Answer | None:
        """What has come of the answer; None while its head is not there."""
        reply = self._read()
        if reply is None:
            return None
        seen, raised = self.gateway.seen[self._seen_before :], self.gateway.raised[self._raised_before :]
        return Answer(
            reply.status, reply.headers, reply.body, reply.trailers, reply.complete, seen[-1] if seen else None,
            tuple(error for _, error in raised),
        )  # fmt: skip

    def _read(self) -> Reading | None:
        clean = self.wire.closed or self.wire.half_closed
        return read_reply(self.written, self.request.method == "HEAD", clean and not self.wire.aborted)
