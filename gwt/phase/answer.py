"""Answer: the head of an answer on its way back, as header_filter sees and changes it, whatever made it."""

from __future__ import annotations

from gwt.phase import fields as lines
from gwt.phase.fields import Text
from gwt.wire.names import field


class Answer:
    """`status` and `fields` (lines, each with its CRLF) can be read at any time and changed in header_filter.

    `began_with` is the status that it came with. Content-Length is among the fields where it is known; what frames a
    message is the gateway's business.
    """

    __slots__ = ("_status", "began_with", "fields", "reason")

    def __init__(self, status: int, reason: bytes, fields: bytes) -> None:
        self._status = self.began_with = status
        self.reason, self.fields = reason, fields

    @property
    def status(self) -> int:
        """200 to 599."""
        return self._status

    @status.setter
    def status(self, status: int) -> None:
        if not 200 <= status <= 599:
            raise ValueError(f"an answer has a status from 200 to 599, not {status}")
        self._status, self.reason = status, b""

    def header(self, name: Text) -> bytes | None:
        """The value of a field; several of one name are joined by a comma."""
        return field(self.fields, lines.octets(name).lower())

    def set_header(self, name: Text, value: Text) -> None:
        """This one in place of all of its name."""
        self.fields = lines.put(self.fields, lines.settable(name), value)

    def add_header(self, name: Text, value: Text) -> None:
        """One more of its name."""
        self.fields += lines.line(name, value)

    def remove_header(self, name: Text) -> None:
        """None of that name."""
        self.fields = lines.removed(self.fields, lines.settable(name))
