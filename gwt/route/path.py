"""The one canonical form of a request path (RFC 3986 6.2.2), and the form that is matched.

What `normalise` returns is matched and forwarded; nothing else of the raw target reaches an upstream.
A spelling that some upstream would fold into another path is refused here or decided like that path.
"""

from __future__ import annotations

import re

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DOTS = (b".", b"..")

# A path with nothing to do: legal characters, no escape, no ";", no empty segment but a last one,
# and no segment that starts with a dot (those take the slow road, where "." and ".." are told from ".git").
is_plain = re.compile(rb"(?:/[A-Za-z0-9\-_~!$&'()*+,=:@][A-Za-z0-9\-._~!$&'()*+,=:@]*+)++/?|/").fullmatch
_illegal = re.compile(rb"[\x00-\x20\x7f-\xff\\#?]").search
# Printable characters that RFC 3986 keeps out of paths but browsers and curl send as they are.
_unwise = re.compile(rb'["<>\[\]^`{|}]')
_escape = re.compile(rb"%(..?|$)", re.DOTALL)
_slash_run = re.compile(rb"//+")
# "%25" before two hex digits: an upstream that decodes twice would read another path.
_double_escape = re.compile(rb"%25[0-9A-Fa-f]{2}").search
# UTF-8 for an ASCII character in more bytes than it needs ("%C0%AE" for "."), which lenient decoders accept.
_overlong = re.compile(rb"%C[01]%[89AB]|%E0%[89]|%F0%8").search


class BadPath(ValueError):
    """A path that is refused with 400; the message is for people and safe to print."""


def _escapes() -> tuple[dict[bytes, bytes], dict[bytes, str]]:
    """Two hex digits in any case -> what stands for them in the canonical form, or why they are refused."""
    kept: dict[bytes, bytes] = {}
    refused: dict[bytes, str] = {}
    for code in range(256):
        upper = f"{code:02X}"
        for digits in {upper, upper.lower(), upper[0].lower() + upper[1], upper[0] + upper[1].lower()}:
            key = digits.encode()
            if code < 0x20 or code == 0x7F:
                refused[key] = f"the path holds an encoded control character (%{upper})"
            elif code == 0x5C:
                refused[key] = "the path holds an encoded backslash (%5C)"
            else:
                kept[key] = bytes((code,)) if code in _UNRESERVED else b"%" + upper.encode()
    return kept, refused


_KEPT, _REFUSED = _escapes()


def _canonical_escape(found: re.Match[bytes]) -> bytes:
    digits = found[1]
    kept = _KEPT.get(digits)
    if kept is None:
        raise BadPath(_REFUSED.get(digits, "the path holds a % that is not followed by two hexadecimal digits"))
    return kept


def _percent(found: re.Match[bytes]) -> bytes:
    return b"%%%02X" % found[0][0]


def normalise(raw: bytes, merge_slashes: bool = True, keep_escaped_slash: bool = True) -> bytes:
    """The canonical form of `raw`, the path part of a request target (no query, no authority).

    Escapes become upper case, escapes of unreserved characters are decoded, dot segments are removed,
    runs of slashes become one (`merge_slashes`); an empty path is `/`. `keep_escaped_slash=False` is for
    hosts with guarded paths: `%2F`, escapes of escapes (`%252e`) and overlong UTF-8 are refused.
    Idempotent. Raises `BadPath` (HTTP 400).
    """
    if is_plain(raw):
        return raw
    return _normalise(raw, merge_slashes, keep_escaped_slash)


def both_forms(raw: bytes, merge_slashes: bool = True, keep_escaped_slash: bool = True) -> tuple[bytes, bytes]:
    """(what is forwarded, what is matched): `normalise` and `match_path` for the price of one. Raises `BadPath`."""
    if is_plain(raw):
        return raw, raw
    path = _normalise(raw, merge_slashes, keep_escaped_slash)
    return path, match_path(path, merge_slashes)


def _normalise(raw: bytes, merge_slashes: bool, keep_escaped_slash: bool) -> bytes:
    if not raw:
        return b"/"
    if raw[0] != 0x2F:
        raise BadPath("the path does not begin with /")
    illegal = _illegal(raw)
    if illegal:
        raise BadPath(_complaint(illegal[0][0]))
    path = raw
    if b"%" in path:
        path = _escape.sub(_canonical_escape, path)
        if not keep_escaped_slash:
            _refuse_foldable(path)
    path = _unwise.sub(_percent, path)
    if b"." in path:
        _refuse_hidden_dots(path)
    if b"/." in path or (merge_slashes and b"//" in path):
        path = _without_dots(path, merge_slashes)
    return path


def _complaint(byte: int) -> str:
    if byte == 0x5C:
        return "the path holds a backslash"
    if byte in b"#?":
        return f"the path holds a {chr(byte)}"
    if byte == 0x20:
        return "the path holds a space"
    if byte >= 0x80:
        return f"the path holds a byte that is not ASCII (0x{byte:02X}); percent-encode it"
    return f"the path holds a control character (0x{byte:02X})"


def _refuse_foldable(path: bytes) -> None:
    """Refuse what is harmless by the RFC but would be another path for some upstreams."""
    if b"%2F" in path:
        raise BadPath("the path holds an encoded slash (%2F), which this host refuses")
    if _double_escape(path):
        raise BadPath("the path holds an encoded % before two digits (%25xx), which this host refuses")
    if _overlong(path):
        raise BadPath("the path holds overlong UTF-8, which this host refuses")


def _refuse_hidden_dots(path: bytes) -> None:
    """Refuse `..;x`, `..%3Bx`, `a%2F..` and the like: dot segments for some upstreams and not for others."""
    if b";" not in path and b"%2F" not in path and b"%3B" not in path:
        return
    for segment in path.split(b"/"):
        if segment in _DOTS:
            continue
        for part in segment.replace(b"%2F", b"/").replace(b"%3B", b";").split(b"/"):
            if part.partition(b";")[0] in _DOTS:
                raise BadPath("the path hides a dot segment before ; or beside an encoded slash")


def _without_dots(path: bytes, merge_slashes: bool) -> bytes:
    """RFC 3986 5.2.4, but going above the root is refused, and runs of slashes may be merged on the way."""
    kept: list[bytes] = []
    segments = path.split(b"/")
    last = segments.pop()
    for segment in segments[1:]:
        if segment == b"..":
            _up(kept)
        elif segment != b"." and (segment or not merge_slashes):
            kept.append(segment)
    if last == b"..":
        _up(kept)
        last = b""
    elif last == b".":
        last = b""
    kept.append(last)
    return b"/" + b"/".join(kept)


def _up(kept: list[bytes]) -> None:
    if not kept:
        raise BadPath("the path goes above the root (..)")
    kept.pop()


def match_path(path: bytes, merge_slashes: bool = True) -> bytes:
    """A normalised path without the `;params` of its segments: what the router is asked. The same object if none.

    `%3B` counts as `;` here, and slashes that meet (`/;x/admin`) are merged, because upstreams do both.
    """
    if b";" not in path and b"%3B" not in path:
        return path
    bare = b"/".join([segment.partition(b";")[0] for segment in path.replace(b"%3B", b";").split(b"/")])
    return _slash_run.sub(b"/", bare) if merge_slashes else bare
