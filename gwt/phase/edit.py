"""Edit: changes to the head of every answer that are known before any request comes, made without calling anybody.

A header_filter that is an Edit needs no record of the way back: where all are, one Edit does what they all do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gwt.phase import fields as lines
from gwt.phase.exchange import Exchange
from gwt.phase.fields import Text

Pairs = Iterable[tuple[Text, Text]]

#: A field's name in lower case, and its line in parts, between which the request's id stands.
Line = tuple[bytes, tuple[bytes, ...]]


class Edit:
    """Fields of `gone` (lower case) are taken out; then comes what `parts` say, joined by the request's id.

    Made by `of`, and out of several by `merged`. As a header_filter it is called with the exchange.
    """

    __slots__ = ("_lines", "gone", "parts")

    def __init__(self, gone: Sequence[bytes], added: Sequence[Line]) -> None:
        self.gone = tuple(dict.fromkeys(gone))
        self._lines = tuple(added)
        self.parts: tuple[bytes, ...] = (b"",)
        for _, parts in added:
            self.parts = (*self.parts[:-1], self.parts[-1] + parts[0], *parts[1:])

    @classmethod
    def of(cls, remove: Iterable[Text] = (), put: Pairs = (), add: Pairs = (), ids: Iterable[Text] = ()) -> Edit:
        """Fields are removed, then put in place of all of their name (those of `ids`: the request's id), then added.

        Raises ValueError for a name that is none or that only the gateway sets, GatewayError for a value that is none.
        """
        edits = [cls([lines.settable(name).lower() for name in remove], ())]
        for line in (*_told(put), *((_lower(name), (lines.settable(name) + b": ", b"\r\n")) for name in ids)):
            edits.append(cls((line[0],), (line,)))
        return merged([*edits, cls((), list(_told(add)))])

    def changed(self, exchange: Exchange, fields: bytes) -> bytes:
        """What becomes of `fields`, lines that each end in CRLF."""
        for name in self.gone:
            fields = lines.removed(fields, name)
        return fields + exchange.request_id.join(self.parts)

    def __call__(self, exchange: Exchange) -> None:
        answer = exchange.answer
        assert answer is not None
        answer.fields = self.changed(exchange, answer.fields)

    def then(self, other: Edit) -> Edit:
        """This one, and after it `other`."""
        kept = [line for line in self._lines if line[0] not in other.gone]
        return Edit((*self.gone, *other.gone), (*kept, *other._lines))

    def __repr__(self) -> str:
        names = {*self.gone, *(name for name, _ in self._lines)}
        return f"<Edit {b' '.join(sorted(names)).decode()}>"


def merged(edits: Sequence[Edit]) -> Edit:
    """One that does what these do, one after the other."""
    whole = Edit((), ())
    for one in edits:
        whole = whole.then(one)
    return whole


def _told(pairs: Pairs) -> Iterator[Line]:
    return ((_lower(name), (lines.line(name, value),)) for name, value in pairs)


def _lower(name: Text) -> bytes:
    return lines.octets(name).lower()
