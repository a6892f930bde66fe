"""request-id: tells the client, too, by which id its request is found in logs; may make ids of another form."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal

from gwt.phase.plugin import Edit, Exchange, Misconfigured, Plugin
from gwt.phase.tools import Tools

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALID = re.compile(rb"[A-Za-z0-9._-]{1,128}").fullmatch
_OWN = b"x-request-id"
_VARIANT = bytes.maketrans(b"0123456789abcdef", b"89ab" * 4)
#: Seconds of the epoch from which ksuids count.
_KSUID_BEGAN = 1_400_000_000


@dataclass(frozen=True)
class RangeId:
    """How long an id of algorithm range_id is, and of which characters."""

    length: Annotated[int, {"type": "integer", "minimum": 6, "maximum": 128}] = 16
    char_set: Annotated[str, {"type": "string", "minLength": 6, "pattern": r"^[A-Za-z0-9._-]+$"}] = _LETTERS


@dataclass(frozen=True)
class RequestId(Plugin):
    """Sends the request's id to the client, and to the upstream under a name of your own.

    What a client sends in the header is kept where it is 1 to 128 of `A-Z a-z 0-9 . _ -`, else an id is made. In
    X-Request-Id it is the one of the access log, of errors, and of the field that every upstream gets.
    """

    name = "request-id"
    priority = 12000

    header_name: Annotated[str, {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}] = "X-Request-Id"
    include_in_response: bool = True
    algorithm: Literal["uuid", "nanoid", "range_id", "ksuid"] = "uuid"
    range_id: RangeId = RangeId()

    _name: bytes = field(init=False, default=_OWN)
    _own: bool = field(init=False, default=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_name", self.header_name.lower().encode())
        object.__setattr__(self, "_own", self._name == _OWN)
        if self.algorithm != "range_id" and self.range_id != RangeId():
            raise Misconfigured("range_id", "it is for algorithm: range_id")

    def phases(self) -> tuple[str, ...]:
        """Nobody looks at answers that are not to tell it."""
        return ("rewrite", "header_filter") if self.include_in_response else ("rewrite",)

    def rewrite(self, ctx: Exchange) -> None:
        """Settle the id before anybody else writes it down."""
        if self._own:
            if ctx.head.request_id != ctx.request_id:  # the client's was none
                ctx.request_id = _dashed(ctx.request_id) if self.algorithm == "uuid" else self._make(ctx.tools)
            return
        said = ctx.header(self._name)
        if said is None or not _VALID(said):
            ctx.request.set_header(self.header_name, self._make(ctx.tools))

    def edit(self) -> Edit | None:
        """The id of the access log needs no looking up."""
        return Edit.of(ids=[self.header_name]) if self._own and self.include_in_response else None

    def header_filter(self, ctx: Exchange) -> None:
        """Tell the client."""
        told = ctx.header(self._name)
        if ctx.answer is not None and told is not None:
            ctx.answer.set_header(self.header_name, told)

    def _make(self, tools: Tools) -> bytes:
        return _MAKERS[self.algorithm](self, tools).encode()

    def _uuid(self, tools: Tools) -> str:
        return _dashed(tools.random(16).hex().encode()).decode()

    def _nanoid(self, tools: Tools) -> str:
        return _of(_LETTERS + "_-", 21, tools)

    def _range(self, tools: Tools) -> str:
        return _of(self.range_id.char_set, self.range_id.length, tools)

    def _ksuid(self, tools: Tools) -> str:
        raw = (int(tools.wall()) - _KSUID_BEGAN).to_bytes(4, "big") + tools.random(16)
        number, digits = int.from_bytes(raw, "big"), ""
        for _ in range(27):
            number, digit = divmod(number, 62)
            digits = _LETTERS[digit] + digits
        return digits


def _dashed(digits: bytes) -> bytes:
    """32 random hexadecimal digits as a UUID of version 4 (RFC 9562 5.4)."""
    return b"%b-%b-4%b-%b%b-%b" % (
        digits[:8], digits[8:12], digits[13:16], digits[16:17].translate(_VARIANT), digits[17:20], digits[20:],
    )  # fmt: skip


def _of(alphabet: str, length: int, tools: Tools) -> str:
    """That many characters, each as likely as any other: 64 bits for each leave no bias that could be seen."""
    raw = tools.random(8 * length)
    return "".join(alphabet[int.from_bytes(raw[n : n + 8], "big") % len(alphabet)] for n in range(0, len(raw), 8))


_MAKERS: dict[str, Callable[[RequestId, Tools], str]] = {
    "uuid": RequestId._uuid, "nanoid": RequestId._nanoid, "range_id": RequestId._range, "ksuid": RequestId._ksuid,
}  # fmt: skip
