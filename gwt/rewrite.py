"""Rewrite: what the upstream sees instead of the path that was matched. Compiled once, applied to canonical paths.

All three forms work on whole segments or on the text of the path, never on the query. A segment's `;params` are
ignored where a prefix is stripped, as they are in matching.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gwt.model.route import Rewrite
from gwt.route.path import normalise
from gwt.route.regex import BadRegex, compile_regex

PathRewrite = Callable[[bytes], bytes]

_dollar = re.compile(r"\$(\d{1,2}|\{\w+\})")


class BadRewrite(ValueError):
    """A rewrite that can't be compiled; the message is for people."""


def compile_rewrite(rewrite: Rewrite | None) -> PathRewrite | None:
    """The function that does it, None for none. Raises `BadRewrite`.

    The function takes and returns a path with a leading slash. Where the result of a regex is no proper path it
    raises `gwt.route.path.BadPath`.
    """
    if rewrite is None:
        return None
    if rewrite.strip is not None:
        return _strip(rewrite.strip)
    if rewrite.prefix is not None:
        return _prefix(rewrite.prefix)
    if rewrite.regex is not None:
        return _substitute(*rewrite.regex)
    return None


def _strip(text: str) -> PathRewrite | None:
    segments = _prefix_bytes("strip", text).strip(b"/").split(b"/")
    if segments == [b""]:
        return None
    pattern = b"".join(b"/" + re.escape(segment) + b"(?:;[^/]*)?" for segment in segments)
    found = re.compile(pattern + b"(?=/|\\Z)").match

    def strip(path: bytes) -> bytes:
        match = found(path)
        return path if match is None else path[match.end() :] or b"/"

    return strip


def _prefix(text: str) -> PathRewrite | None:
    prefix = _prefix_bytes("prefix", text).rstrip(b"/")
    return prefix.__add__ if prefix else None


def _prefix_bytes(kind: str, text: str) -> bytes:
    if not text.startswith("/"):
        raise BadRewrite(f"rewrite {kind}: {text!r} does not begin with /")
    try:
        return normalise(text.encode("ascii"))
    except ValueError as error:
        raise BadRewrite(f"rewrite {kind}: {text!r} is not a path: {error}") from None


def _substitute(pattern: str, to: str) -> PathRewrite:
    try:
        compiled = compile_regex(pattern.encode("ascii"))
        replacement = _dollar.sub(_group, to).encode("ascii")
        compiled.subn(replacement, b"")  # the template is parsed whether or not anything is found
    except (BadRegex, re.error, IndexError, UnicodeError) as error:
        raise BadRewrite(f"rewrite regex [{pattern!r}, {to!r}]: {error}") from None

    def substitute(path: bytes) -> bytes:
        # A substitution can put dots together that stood apart: the result is a path like any other.
        return normalise(compiled.subn(replacement, path, count=1)[0])

    return substitute


def _group(match: re.Match[str]) -> str:
    return f"\\g<{match[1].strip('{}')}>"
