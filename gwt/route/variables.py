"""`vars` of a Path: [name, operator, value], with the names and operators that APISIX users know.

Names: arg_NAME, http_NAME (a header, `_` for `-`), cookie_NAME, method, host, uri (the canonical path), remote_addr.
Operators: `==` `~=` `>` `>=` `<` `<=` `in` (the value is a list) `~~` (regular expression, search) and `has`
(the variable is a comma-separated list that holds the value). Where the variable is missing only `~=` holds,
and `==` with null.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from gwt.route.regex import BadRegex, compile_regex

Scalar = bytes | float | None
Reader = Callable[["RequestView"], "bytes | None"]

_number = re.compile(rb"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?").fullmatch
_ORDER: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
OPERATORS = ("==", "~=", ">", ">=", "<", "<=", "in", "~~", "has")


class BadCondition(ValueError):
    """A condition that can't be compiled; the message is for people."""


class RequestView(Protocol):
    """What conditions may ask of a request. Values are bytes as the client sent them, args decoded."""

    @property
    def method(self) -> bytes: ...

    @property
    def host(self) -> bytes: ...

    @property
    def path(self) -> bytes: ...

    @property
    def client(self) -> str: ...

    def header(self, name_lower: bytes) -> bytes | None: ...

    def arg(self, name: bytes) -> bytes | None: ...

    def cookie(self, name: bytes) -> bytes | None: ...


def show(value: bytes, limit: int = 80) -> str:
    """Client bytes for people: printable ASCII, cut to `limit` characters."""
    text = value[:limit].decode("ascii", "backslashreplace")
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return text + "..." if len(value) > limit else text


@dataclass(frozen=True, slots=True)
class VarTest:
    """One compiled var. `value` as written (lists as tuples); `read` and `test` follow from the other three."""

    name: str
    op: str
    value: Any
    read: Reader = field(compare=False, repr=False)
    test: Callable[[bytes | None], bool] = field(compare=False, repr=False)

    def holds(self, view: RequestView) -> bool:
        return self.test(self.read(view))

    def why(self, view: RequestView) -> str:
        found = self.read(view)
        said = "missing" if found is None else f"'{show(found)}'"
        return f"{self.name} is {said}: not {self.op} {_written(self.value)}"


def compile_var(name: str, op: str, value: Any) -> VarTest:
    """Compile [name, op, value]. Raises `BadCondition`."""
    frozen = tuple(value) if isinstance(value, (list, tuple)) else value
    try:
        return VarTest(name, op, frozen, reader(name), _test(op, frozen))
    except BadCondition as error:
        raise BadCondition(f"vars [{name}, {op}, {_written(frozen)}]: {error}") from None


def _written(value: Any) -> str:
    return str(list(value)) if isinstance(value, tuple) else repr(value)


_PLAIN: dict[str, Reader] = {
    "method": lambda view: view.method,
    "host": lambda view: view.host,
    "uri": lambda view: view.path,
    "remote_addr": lambda view: view.client.encode(),
}


def reader(name: str) -> Reader:
    """What reads the variable `name` of a request. Raises `BadCondition`."""
    if name in _PLAIN:
        return _PLAIN[name]
    kind, _, rest = name.partition("_")
    key = rest.encode()
    if rest and kind == "arg":
        return lambda view: view.arg(key)
    if rest and kind == "cookie":
        return lambda view: view.cookie(key)
    if rest and kind == "http":
        key = key.lower().replace(b"_", b"-")
        return lambda view: view.header(key)
    raise BadCondition(f"no variable {name!r} (arg_*, http_*, cookie_*, method, host, uri, remote_addr)")


def _test(op: str, value: Any) -> Callable[[bytes | None], bool]:
    if op == "==":
        wanted = _scalar(value)
        return lambda found: _equal(found, wanted)
    if op == "~=":
        unwanted = _scalar(value)
        return lambda found: not _equal(found, unwanted)
    if op in _ORDER:
        return _ordered(_ORDER[op], value)
    if op == "in":
        if not isinstance(value, tuple):
            raise BadCondition("`in` takes a list")
        choices = tuple(_scalar(one) for one in value)
        return lambda found: any(_equal(found, one) for one in choices)
    if op == "~~":
        return _searched(value)
    if op == "has":
        member = _scalar(value)
        return lambda found: found is not None and any(_equal(one.strip(), member) for one in found.split(b","))
    raise BadCondition(f"no operator {op!r} ({' '.join(OPERATORS)})")


def _scalar(value: Any) -> Scalar:
    if value is None:
        return None
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, str):
        return value.encode()
    raise BadCondition(f"{value!r} is not a string, a number, true, false or null")


def _as_number(text: bytes) -> float | None:
    return float(text) if len(text) <= 40 and _number(text) else None


def _equal(found: bytes | None, wanted: Scalar) -> bool:
    if found is None or wanted is None:
        return found is None and wanted is None
    if isinstance(wanted, float):
        return _as_number(found) == wanted
    return found == wanted


def _ordered(compare: Callable[[float, float], bool], value: Any) -> Callable[[bytes | None], bool]:
    scalar = _scalar(value)
    limit = _as_number(scalar) if isinstance(scalar, bytes) else scalar
    if limit is None:
        raise BadCondition("this operator compares numbers")
    bound = limit

    def test(found: bytes | None) -> bool:
        number = None if found is None else _as_number(found)
        return number is not None and compare(number, bound)

    return test


def _searched(value: Any) -> Callable[[bytes | None], bool]:
    if not isinstance(value, str):
        raise BadCondition("`~~` takes a regular expression")
    try:
        search = compile_regex(value.encode(), lines=True).search
    except BadRegex as error:
        raise BadCondition(str(error)) from None
    return lambda found: found is not None and search(found) is not None
