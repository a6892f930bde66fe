"""Upstreams of a test: what they say is a script, and every request that reaches them is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gwt.phase.reply import Reply
from gwt.testing.reading import Seen, cut, read_request
from gwt.testing.wire import Wire

Text = str | bytes


@dataclass(frozen=True)
class Says:
    """What an upstream answers.

    `pieces` are the lengths in which its bytes arrive (the rest in one), `chunked` sends the body in chunks of those
    lengths, `ends_after` so many bytes the connection breaks; `delay` is in seconds.
    """

    status: int = 200
    body: Text = b"ok"
    headers: Mapping[str, Text] | Iterable[tuple[str, Text]] = ()
    pieces: Sequence[int] = ()
    chunked: bool = False
    ends_after: int | None = None
    delay: float = 0.0

    def wire(self, to_head: bool) -> list[bytes]:
        """Its bytes, in the pieces in which they arrive."""
        body = _octets(self.body)
        pairs = self.headers.items() if isinstance(self.headers, Mapping) else self.headers
        lines = [b"HTTP/1.1 %d Scripted\r\n" % self.status]
        lines += [b"%b: %b\r\n" % (_octets(name), _octets(value)) for name, value in pairs]
        bodiless = to_head or self.status in (204, 304)
        if self.chunked and not bodiless:
            lines.append(b"Transfer-Encoding: chunked\r\n")
            body = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in cut(body, self.pieces)) + b"0\r\n\r\n"
        elif self.status != 204:
            lines.append(b"Content-Length: %d\r\n" % len(body))
        whole = b"".join(lines) + b"\r\n" + (b"" if bodiless else body)
        return cut(whole[: self.ends_after], self.pieces)


#: What an upstream answers of which nothing was said.
OK = Says()

#: An answer, a body, or nothing at all; or what makes one of them of a request.
Spoken = Says | Reply | Text | None
Script = Spoken | Callable[[Seen], Spoken]


def _octets(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def spoken(script: Script, seen: Seen) -> Says | None:
    """What `script` says to this request."""
    said = script(seen) if callable(script) else script
    if said is None or isinstance(said, Says):
        return said
    if isinstance(said, Reply):
        pairs = [line.partition(b":")[::2] for line in said.fields.split(b"\r\n") if line]
        return Says(said.status, said.body, [(name.decode("latin-1"), value.strip()) for name, value in pairs])
    return Says(body=said)


class Upstream:
    """One connection to an upstream. `heard(seen)` is told of every request, `later(seconds, call)` waits."""

    def __init__(
        self, protocol: Any, script: Script, heard: Callable[[Seen], None], later: Callable[..., Any], host: str,
        port: int,
    ) -> None:  # fmt: skip
        self.script, self._heard, self._later = script, heard, later
        self._data = b""
        self._waiting: list[bytes | None] = []  # None: the end of the connection
        self.wire = Wire(protocol, self._took, host, port=port)
        protocol.makeConnection(self.wire)

    def _took(self, data: bytes) -> None:
        self._data += data
        while (found := read_request(self._data)) is not None:
            seen, self._data = found
            self._heard(seen)
            says = spoken(self.script, seen)
            if says is not None and says.delay:
                self._later(says.delay, self._say, says, seen.method == "HEAD")
            elif says is not None:
                self._say(says, seen.method == "HEAD")

    def _say(self, says: Says, to_head: bool) -> None:
        self._waiting += says.wire(to_head)
        if says.ends_after is not None:
            self._waiting.append(None)

    def settle(self) -> bool:
        """Deliver the next piece; whether there was anything to do."""
        if self._waiting:
            piece = self._waiting.pop(0)
            if piece is None:
                self.wire.lose()
            else:
                self.wire.deliver(piece)
            return True
        return self.wire.settle()
