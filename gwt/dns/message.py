"""Messages of the DNS (RFC 1035): a question for the addresses of a name, and what an answer says. Pure.

Only what that takes: A, AAAA, CNAME. What comes from the network costs a few milliseconds to read at most: so many
records, and so many labels.
"""

from __future__ import annotations

import re
from socket import AF_INET, AF_INET6, inet_ntop
from struct import Struct, error
from typing import Final, NamedTuple

A: Final = 1
CNAME: Final = 5
AAAA: Final = 28
#: The types of records that hold addresses.
KINDS: Final = (A, AAAA)

#: How a question ended: addresses, none of that type, no such name, or nothing that says either.
FOUND, EMPTY, MISSING, FAILED = "found", "empty", "missing", "failed"
#: What is to be asked next: the same over TCP, or for another name.
TRUNCATED, ALIAS = "truncated", "alias"

_HEADER, _QUESTION, _RECORD = Struct("!6H"), Struct("!HH"), Struct("!HHIH")
_IN: Final = 1
_ANSWER, _TRUNCATED, _RECURSE = 0x8000, 0x0200, 0x0100
_OPCODE: Final = 0x7800
_RCODES: Final = {1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED"}

#: Records of a message that are read, the others are left out: more than anybody needs, some 3 ms.
RECORDS: Final = 1000

#: Labels read of one message, those behind a pointer once: some 2 ms.
LABELS: Final = 5000

_NAME: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*").fullmatch


class Answer(NamedTuple):
    """`outcome` as above; `ttl` in seconds, the least on the way to the addresses; `why` for people; `alias` a name."""

    outcome: str
    addresses: tuple[str, ...] = ()
    ttl: int = 0
    why: str = ""
    alias: str = ""


def failed(why: str) -> Answer:
    """Nothing is known by it."""
    return Answer(FAILED, why=why)


def canonical(name: str) -> str:
    """A name as it is asked for: lower case, absolute, without a dot at its end."""
    return name.lower().rstrip(".")


def askable(name: str) -> bool:
    """Whether a canonical name is one that can stand in a question."""
    return _NAME(name) is not None


def question(number: int, name: str, kind: int) -> bytes:
    """The message that asks for records `kind` of an askable `name`; `number` (16 bits) comes back in its answer."""
    labels = b"".join(bytes((len(label),)) + label.encode("ascii") for label in name.split("."))
    return _HEADER.pack(number, _RECURSE, 1, 0, 0, 0) + labels + b"\0" + _QUESTION.pack(kind, _IN)


def answer(data: bytes, number: int, name: str, kind: int) -> Answer | None:
    """What a message says to that question; None where it is no answer to it. Never raises for what is in it."""
    if len(data) < _HEADER.size:
        return None
    told, flags, questions, records, _, _ = _HEADER.unpack_from(data)
    if told != number or not flags & _ANSWER or flags & _OPCODE:
        return None
    code = flags & 15
    try:
        reader = _Reader(data)
        if questions == 1:
            if reader.question() != (name, kind, _IN):
                return None
        elif questions or not code:  # who refuses need not repeat what
            return failed("the answer can't be read")
        if flags & _TRUNCATED:
            return Answer(TRUNCATED, why="the answer is truncated")
        if code == 3:
            return Answer(MISSING, why="there is no such name (NXDOMAIN)")
        if code:
            return failed(_RCODES.get(code, f"code {code}"))
        return _found(reader, records, name, kind)
    except (IndexError, ValueError, error):
        return failed("the answer can't be read")


def _found(reader: _Reader, records: int, name: str, kind: int) -> Answer:
    """Follow CNAMEs from `name` to its addresses."""
    aliases: dict[str, tuple[str, int]] = {}
    addresses: dict[str, list[str]] = {}
    least: dict[str, int] = {}
    for _ in range(min(records, RECORDS)):
        owner, type_, ttl, value = reader.record()
        if type_ == CNAME:
            aliases[owner] = value, ttl
        elif type_ == kind:
            addresses.setdefault(owner, []).append(value)
            least[owner] = min(ttl, least.get(owner, ttl))
    at, shortest, seen = name, 2**31, set[str]()
    while at not in addresses and at in aliases:
        if at in seen:
            return failed(f"the CNAMEs of {at} go in a circle")
        seen.add(at)
        at, ttl = aliases[at]
        shortest = min(shortest, ttl)
    if at in addresses:
        return Answer(FOUND, tuple(addresses[at]), min(shortest, least[at]))
    if at == name:
        return Answer(EMPTY, why="the name has no addresses")
    return Answer(ALIAS, ttl=shortest, alias=at) if askable(at) else failed("a CNAME leads to what is no name")


class _Reader:
    """Reads a message from its header on. Raises IndexError, ValueError or struct.error where it is none."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._labels = data, _HEADER.size, 0
        self._known: dict[int, str] = {}

    def question(self) -> tuple[str, int, int]:
        name = self._name()
        kind, class_ = _QUESTION.unpack_from(self._data, self._at)
        self._at += _QUESTION.size
        return name, kind, class_

    def record(self) -> tuple[str, int, int, str]:
        """Owner, type (0 for what is of no interest), TTL, and the address or name in it."""
        owner = self._name()
        type_, class_, ttl, length = _RECORD.unpack_from(self._data, self._at)
        self._at += _RECORD.size
        begin, end = self._at, self._at + length
        if end > len(self._data):
            raise ValueError("a record beyond the end")
        self._at = end
        ttl = 0 if ttl >> 31 else ttl
        if class_ != _IN:
            return owner, 0, ttl, ""
        if type_ == A:
            return owner, A, ttl, inet_ntop(AF_INET, self._data[begin:end])
        if type_ == AAAA:
            return owner, AAAA, ttl, inet_ntop(AF_INET6, self._data[begin:end])
        if type_ == CNAME:
            self._at = begin
            target = self._name()
            self._at = end
            return owner, CNAME, ttl, target
        return owner, 0, ttl, ""

    def _name(self) -> str:
        """The name here; most are one pointer to where it was read before."""
        data, at = self._data, self._at
        if data[at] >= 0xC0:
            target = (data[at] & 0x3F) << 8 | data[at + 1]
            known = self._known.get(target)
            if known is not None:
                self._at += 2
                return known
        labels, self._at = self._walk(at)
        name = ".".join(labels).lower()
        if data[at] >= 0xC0:
            self._known[(data[at] & 0x3F) << 8 | data[at + 1]] = name
        return name

    def _walk(self, at: int) -> tuple[list[str], int]:
        """Labels from `at` on, and where what follows begins. Pointers lead backwards only, so that it ends."""
        data, labels, after, first, size = self._data, list[str](), 0, at, 0
        while data[at]:
            length = data[at]
            self._labels += 1
            if self._labels > LABELS:
                raise ValueError("too many labels")
            if length >= 0xC0:
                after = after or at + 2
                at = (length & 0x3F) << 8 | data[at + 1]
                if at >= first:
                    raise ValueError("a pointer that leads forwards")
                first = at
                continue
            label = data[at + 1 : at + 1 + length]
            size += length + 1
            if length > 63 or len(label) < length or size > 254:
                raise ValueError("no name")
            labels.append(label.decode("latin-1"))
            at += 1 + length
        return labels, after or at + 1
