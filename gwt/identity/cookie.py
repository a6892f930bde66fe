"""The session cookie among the others: found only where it stands once, and taken out of what is forwarded."""

from __future__ import annotations

import re

_VALUE = re.compile(rb"[!-:<-~]{1,4096}").fullmatch
_LINE = re.compile(rb"^(cookie:[ \t]*)([^\r\n]*)\r\n", re.I | re.M)


class SessionCookie:
    """The cookie of one name. Names are case-sensitive (RFC 6265 5.4); blanks around one do not make it another."""

    __slots__ = ("_find", "name")

    def __init__(self, name: str) -> None:
        self.name = name.encode("ascii")
        self._find = re.compile(rb"(?:\A|;)[ \t]*%b[ \t]*(?:=([^;]*)|(?=;|\Z))" % re.escape(self.name)).findall

    def only(self, header: bytes) -> bytes | None:
        """Its value in a Cookie field; None where it is missing, stands twice, or is not 1 to 4096 visible ASCII."""
        if self.name not in header:
            return None
        found = self._find(header)
        return found[0] if len(found) == 1 and _VALUE(found[0]) else None

    def without(self, fields: bytes) -> bytes:
        """Field lines (each with its CRLF) without this cookie, however often it stands in their Cookie fields."""
        return _LINE.sub(self._rest, fields) if self.name in fields else fields

    def _rest(self, line: re.Match[bytes]) -> bytes:
        parts = line[2].split(b";")
        kept = [part for part in parts if part.partition(b"=")[0].strip(b" \t") != self.name]
        if len(kept) == len(parts):
            return line[0]
        rest = b";".join(kept).strip(b" \t")
        return b"%b%b\r\n" % (line[1], rest) if rest else b""
