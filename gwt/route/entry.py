"""One thing that a host can route to: a pattern, conditions and a target; and the order in which entries are tried."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from gwt.route.conditions import Conditions
from gwt.route.path import BadPath, normalise
from gwt.route.regex import BadRegex, Regex, compile_path_regex

#: The kinds of pattern in the order in which they win.
KINDS = ("exact", "template", "regex", "prefix")
#: Ends the probe of an exact pattern: no path holds it.
END = b"/\0"

_placeholder = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}").fullmatch
_encoded_placeholder = re.compile(rb"%7B([A-Za-z_][A-Za-z0-9_-]*)%7D")
_not_ascii = re.compile(r"[^\x21-\x7e]")


class BadPattern(ValueError):
    """A `uri` that can't be matched; the message is for people."""


@dataclass(slots=True, eq=False)
class Entry:
    """What a host routes to.

    `uri` is canonical (see `pattern`), `match` one of `KINDS`, `name` breaks ties (the one that sorts first wins),
    `target` is what the router answers. `probe` and `regex` follow from `uri`. Never changed once it is made (not
    frozen: that would make it four times as dear, and there are hundreds of thousands). Raises `BadPattern`.
    """

    uri: bytes
    match: str = "prefix"
    priority: int = 0
    conditions: Conditions | None = None
    name: str = ""
    target: Any = None
    #: A prefix or exact pattern applies to PATH when PATH + END starts with it; unused otherwise.
    probe: bytes = field(init=False, repr=False)
    regex: Regex | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.match not in KINDS:
            raise BadPattern(f"match: {self.match!r} is not one of {', '.join(KINDS)}")
        self.probe = _probe(self.uri, self.match)
        self.regex = _regex(self.uri) if self.match == "regex" else None

    @property
    def count(self) -> int:
        """The number of conditions."""
        return 0 if self.conditions is None else self.conditions.count

    @property
    def certain(self) -> bool:
        """Whether the entry takes every request that comes to its place in the tree."""
        return self.conditions is None and self.regex is None

    def applies(self, path: bytes) -> bool:
        """Whether the pattern (not the conditions) fits `path`, by definition rather than by tree."""
        if self.regex is not None:
            return self.regex.search(path) is not None
        if self.match == "template":
            return _fits_template(self.uri, path)
        return (path + END).startswith(self.probe)


@lru_cache(maxsize=4096)  # most hosts share a few paths: one object for all of them
def _probe(uri: bytes, match: str) -> bytes:
    if match == "exact":
        return uri + END
    return uri.rstrip(b"/") + b"/" if match == "prefix" else b""


def _regex(uri: bytes) -> Regex:
    try:
        return compile_path_regex(uri)
    except BadRegex as error:
        raise BadPattern(str(error)) from None


def is_placeholder(segment: bytes) -> bool:
    """Whether a template's segment stands for any segment (canonical literals hold no raw brace)."""
    return segment.startswith(b"{")


def _fits_template(template: bytes, path: bytes) -> bool:
    wanted, found = template.split(b"/"), path.split(b"/")
    return len(wanted) == len(found) and all(
        bool(have) if is_placeholder(want) else want == have for want, have in zip(wanted, found, strict=True)
    )


def order(entry: Entry) -> tuple[Any, ...]:
    """The sort key of the contract: priority, kind, specificity within the kind, number of conditions, name.

    Among templates fewer placeholders win, then the one whose first placeholder stands further right.
    """
    kind = KINDS.index(entry.match)
    if kind == 0:
        particular: tuple[Any, ...] = ()
    elif kind == 1:
        holes = tuple(is_placeholder(segment) for segment in entry.uri.split(b"/"))
        particular = (sum(holes), holes)
    else:
        particular = (-len(entry.uri if kind == 2 else entry.probe),)
    return (-entry.priority, kind, particular, -entry.count, entry.name)


def shape(entry: Entry) -> tuple[Any, ...]:
    """Equal for two entries that can't be told apart: same priority, pattern and conditions (names aside)."""
    if entry.match == "template":
        uri = b"/".join(b"{}" if is_placeholder(segment) else segment for segment in entry.uri.split(b"/"))
    else:
        uri = entry.probe or entry.uri
    asked = frozenset() if entry.conditions is None else frozenset(entry.conditions.tests)
    return (entry.priority, entry.match, uri, asked)


def pattern(uri: str, match: str = "prefix", merge_slashes: bool = True) -> bytes:
    """The canonical form of a document's `uri`, comparable with canonical paths. Raises `BadPattern`.

    Literal parts are normalised as requests are (characters outside ASCII percent-encoded as UTF-8);
    a prefix loses its trailing slash: `/api/` and `/api` are the same prefix.
    """
    if match == "regex":
        if not uri.isascii():
            raise BadPattern("a regex sees the percent-encoded path: write %C3%A9 for \u00e9")
        _regex(uri.encode("ascii"))
        return uri.encode("ascii")
    if not uri.startswith("/"):
        raise BadPattern(f"uri {uri!r} does not begin with /")
    if ";" in uri or "%3b" in uri.lower():
        raise BadPattern(f"uri {uri!r} holds a ;, but the parameters of segments are ignored in matching")
    return _template(uri, merge_slashes) if match == "template" else _literal(uri, match, merge_slashes)


def _literal(uri: str, match: str, merge_slashes: bool) -> bytes:
    if any(_placeholder(segment) for segment in uri.split("/")):
        raise BadPattern(f"uri {uri!r} has a placeholder: that needs `match: template`")
    path = _canonical(uri, merge_slashes)
    return path if match == "exact" else path.rstrip(b"/") or b"/"


def _template(uri: str, merge_slashes: bool) -> bytes:
    if "%7b" in uri.lower():
        raise BadPattern(f"template {uri!r} holds an encoded brace")
    for segment in _segments_with_braces(uri):
        if not _placeholder(segment):
            raise BadPattern(f"template {uri!r}: a placeholder {{name}} takes a whole segment, unlike {segment!r}")
    return _encoded_placeholder.sub(rb"{\1}", _canonical(uri, merge_slashes))


def _segments_with_braces(uri: str) -> Iterator[str]:
    return (segment for segment in uri.split("/") if "{" in segment or "}" in segment)


def _canonical(uri: str, merge_slashes: bool) -> bytes:
    encoded = _not_ascii.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), uri)
    try:
        return normalise(encoded.encode("ascii"), merge_slashes)
    except BadPath as error:
        raise BadPattern(f"uri {uri!r}: {error}") from None
