"""`access` and `plugins` of one level, from checked plain values to Access and PluginUse."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from gwt.model import units
from gwt.model.route import NO_ACCESS, Access, PluginUse, RateLimit, Timeout
from gwt.model.validate import Fault, Trail, flatten, suggest
from gwt.model.yaml12 import PathTuple

#: The line of what a path names. `flatten(trail)` is the path.
LineOf = Callable[[PathTuple], int]
#: The line of a key or index of a collection of the document, 0 where that can't be told without its path.
RowOf = Callable[[Any, "str | int"], int]
#: The text from one line of the file to another, "" where it is long.
Written = Callable[[int, int], str]

AUTH_WORDS = ("public", "optional", "login")
_PLUGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LIST = re.compile(r"@[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MAX_TIMEOUT = 10**7
_NOTHING: Mapping[str, Any] = {}
#: Places within one plugin's configuration whose lines are noted; what is beyond has that of what is around it.
_MAX_LINES = 500


class Reader:
    """Reads parts of one document: collects faults, and knows on which line a path stands.

    `single`: the document is all on one line. `written` gives the text of lines.
    """

    __slots__ = ("_row_of", "_single", "faults", "line_of", "written")

    def __init__(
        self, line_of: LineOf, faults: list[Fault], row_of: RowOf = lambda owner, key: 0, single: bool = False,
        written: Written = lambda first, last: "",
    ) -> None:  # fmt: skip
        self.line_of, self.faults, self._row_of, self._single = line_of, faults, row_of, single
        self.written = written

    def fault(self, trail: Trail, message: str, on_key: bool = False) -> None:
        self.faults.append(Fault(trail, message, on_key))

    def warn(self, trail: Trail, message: str, on_key: bool = False) -> None:
        self.faults.append(Fault(trail, message, on_key, "warning"))

    def unknown(self, trail: Trail, message: str) -> None:
        """A name that means nothing: an error, with which a Route comes into force and what the name governs closed."""
        self.faults.append(Fault(trail, message, closes=True))

    def line(self, trail: Trail, owner: Any) -> int:
        """The line of what `trail` names, which stands in the collection `owner`."""
        assert trail is not None
        return self._row_of(owner, trail[1]) or self.line_of(flatten(trail))

    def lines(self, value: Any, trail: Trail) -> dict[PathTuple, int]:
        """Path -> line of what is inside `value`, which stands at `trail`; nothing where all is on one line."""
        found: dict[PathTuple, int] = {}
        if not self._single:
            self._note(value, trail, (), found)
        return found

    def _note(self, value: Any, trail: Trail, path: PathTuple, found: dict[PathTuple, int]) -> None:
        inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for step, item in inside:
            if len(found) >= _MAX_LINES:
                return
            found[*path, step] = self.line((trail, step), value)
            self._note(item, (trail, step), (*path, step), found)

    def take(self, convert: Callable[..., Any], value: Any, trail: Trail, *more: Any) -> Any:
        """`convert(value, *more)`; its ValueError becomes a fault and None the result."""
        try:
            return convert(value, *more)
        except ValueError as error:
            self.faults.append(Fault(trail, str(error)))
            return None


def read_level(reader: Reader, owner: dict[str, Any], trail: Trail) -> Access:
    """The Access of what `owner` (a Route, Service or Path) says in `access`, and in `timeout` beside it."""
    if "access" not in owner and "timeout" not in owner:
        return NO_ACCESS
    access = owner.get("access")
    if not access and owner.get("timeout") is None:
        return NO_ACCESS
    return read_access(reader, access or {}, (trail, "access"), owner, (trail, "timeout"))


def read_access(
    reader: Reader, value: dict[str, Any], trail: Trail, owner: Mapping[str, Any] = _NOTHING, beside: Trail = None
) -> Access:
    """The Access that the mapping `value` says; `owner` may say a timeout next to it, at `beside`."""
    fields: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for name, raw in value.items():
        if raw is None:
            continue
        where = (trail, name)
        fields[name] = _FIELDS[name](reader, raw, where)
        lines[name] = reader.line(where, value)
    timeout = owner.get("timeout")
    if timeout is not None:
        if "timeout" in fields:
            reader.fault(beside, "timeout stands both beside access and in it", True)
        fields["timeout"] = _timeout(reader, timeout, beside)
        lines["timeout"] = reader.line(beside, owner)
    return Access(**fields, lines=lines)


def read_plugins(reader: Reader, value: dict[str, Any] | None, trail: Trail) -> tuple[PluginUse, ...]:
    """`plugins` of one level: NAME -> configuration, or False where it is turned off."""
    if not value:
        return ()
    found = []
    for name, conf in value.items():
        where = (trail, name)
        if not _PLUGIN.fullmatch(name):
            reader.fault(where, f"{name!r} can't be a plugin's name", True)
        line = reader.line(where, value)
        if conf is False:
            found.append(PluginUse(name, None, line))
        else:
            lines = reader.lines(conf, where)
            last = next(reversed(lines.values()), line)
            found.append(PluginUse(name, conf, line, lines, reader.written(line, last) if conf else ""))
    return tuple(found)


def _auth_type(reader: Reader, value: Any, trail: Trail) -> str | tuple[str, ...]:
    if isinstance(value, str):
        if value not in AUTH_WORDS and not _PLUGIN.fullmatch(value):
            reader.fault(trail, f"expected public, optional, login or a list of auth plugins, got {value!r}")
        elif value not in AUTH_WORDS:
            hint = suggest(value, AUTH_WORDS)
            reader.unknown(trail, f"unknown auth_type {value!r}" + (hint or f"; a plugin stands in a list: [{value}]"))
        return value
    for index, name in enumerate(value):
        if name in AUTH_WORDS:
            reader.fault((trail, index), f"{name!r} stands alone, not in a list of auth plugins")
        elif not _PLUGIN.fullmatch(name):
            reader.fault((trail, index), f"{name!r} can't be a plugin's name")
    return tuple(value)


def _require(reader: Reader, value: dict[str, Any], trail: Trail) -> dict[str, tuple[str, ...]]:
    return {claim: (values,) if isinstance(values, str) else tuple(values) for claim, values in value.items()}


def _seconds(reader: Reader, value: Any, trail: Trail, default: float) -> float:
    seconds: float | None = reader.take(units.duration, value, trail)
    if seconds is None:
        return default
    if not 0.001 <= seconds <= _MAX_TIMEOUT:
        reader.fault(trail, f"a timeout is from 1ms to {_MAX_TIMEOUT} seconds, got {value}")
    return seconds


def _timeout(reader: Reader, value: Any, trail: Trail) -> Timeout:
    if not isinstance(value, dict):
        seconds = _seconds(reader, value, trail, 60.0)
        return Timeout(min(5.0, seconds), seconds, seconds)
    parts = {name: _seconds(reader, raw, (trail, name), 60.0) for name, raw in value.items() if raw is not None}
    return Timeout(**parts)


def _rate_limits(reader: Reader, value: list[dict[str, Any]], trail: Trail) -> tuple[RateLimit, ...]:
    limits = []
    for index, item in enumerate(value):
        selectors = tuple(item.get("selectors", ()))
        if len(set(selectors)) != len(selectors):
            reader.fault(((trail, index), "selectors"), "a selector stands twice")
        limits.append(RateLimit(int(item["rate"]), int(item.get("burst", 0)), selectors))
    return tuple(limits)


def read_cidrs(reader: Reader, value: list[str], trail: Trail, lists: bool = True) -> tuple[str, ...]:
    """Canonical CIDRs, and with `lists` names of lists as `@name`."""
    found = []
    for index, text in enumerate(value):
        where = (trail, index)
        if text.startswith("@") and lists:
            if not _LIST.fullmatch(text):
                reader.fault(where, f"{text!r} can't be a list's name")
            found.append(text)
            continue
        network = reader.take(units.cidr, text, where)
        if network is not None:
            found.append(network)
            if units.has_host_bits(text):
                reader.warn(where, f"{text} has bits below its prefix; {network} is what counts")
    return tuple(found)


def _count(reader: Reader, value: Any, trail: Trail) -> int:
    return int(value)


def _size(reader: Reader, value: Any, trail: Trail) -> int | None:
    found: int | None = reader.take(units.size, value, trail)
    return found


_FIELDS: dict[str, Callable[[Reader, Any, Trail], Any]] = {
    "auth_type": _auth_type,
    "require": _require,
    "timeout": _timeout,
    "rate_limits": _rate_limits,
    "ip_allow": read_cidrs,
    "ip_deny": read_cidrs,
    "retries": _count,
    "retry_buffer": _size,
    "max_body": _size,
    "max_message": _size,
}
