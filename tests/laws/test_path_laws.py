"""Laws of canonical paths: stable, legal, and read alike by the gateway and by every kind of upstream."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from gwt.route.entry import Entry, pattern
from gwt.route.path import BadPath, match_path, normalise
from gwt.route.router import Router

#: A busy machine must not fail a law.
law = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
LEGAL = re.compile(rb"/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-F]{2})*").fullmatch
TOKENS = [
    *(b"/", b"/", b"/", b"//", b"a", b"b", b"admin", b"pub", b"adm", b".", b"..", b"...", b";", b";x=1", b"|", b"{"),
    *(b"%2e", b"%2E", b"%2f", b"%2F", b"%5c", b"%5C", b"\\", b"%3b", b"%3B", b"%61dmin", b"%70ub", b"%7e", b"%c3%a9"),
    *(b"%25", b"2e", b"2F", b"5c", b"3B", b"61", b"%252e", b"%252F", b"%255c", b"%253b", b"%2561dmin", b"%32%65"),
    *(b"%c0%ae", b"%C0%AF", b"%e0%80%ae", b"%00", b"%0d%0a", b"%", b"%zz", b"#", b"?", b" ", b"\x00", b"\xe9"),
]
raws = st.one_of(
    st.lists(st.sampled_from(TOKENS), max_size=9).map(lambda parts: b"/" + b"".join(parts)),
    st.lists(st.sampled_from(TOKENS[:33]), max_size=9).map(lambda parts: b"/" + b"".join(parts)),
    st.binary(max_size=12).map(lambda rest: b"/" + rest),
    st.binary(max_size=4),
)


def canonical(raw: bytes, merge: bool = True, keep: bool = True) -> bytes:
    try:
        return normalise(raw, merge, keep)
    except BadPath as error:
        assert str(error).isprintable()
        assume(False)
        raise


@law
@given(raws, st.booleans(), st.booleans())
def test_normalising_twice_is_normalising_once(raw: bytes, merge: bool, keep: bool) -> None:
    once = canonical(raw, merge, keep)
    assert normalise(once, merge, keep) == once


@law
@given(raws, st.booleans(), st.booleans())
def test_a_canonical_path_is_legal_and_has_nothing_left_to_remove(raw: bytes, merge: bool, keep: bool) -> None:
    path = canonical(raw, merge, keep)
    assert LEGAL(path)
    assert not {b".", b".."} & set(path.split(b"/"))
    assert not re.search(rb"%(?:[01][0-9A-F]|7F|5C|2D|2E|5F|7E|3[0-9]|[46][1-9A-F]|[57][0-9A])", path)
    assert not (merge and b"//" in path)
    assert keep or b"%2F" not in path


@law
@given(raws, st.booleans())
def test_a_guarded_host_refuses_more_but_reads_nothing_otherwise(raw: bytes, merge: bool) -> None:
    strict = canonical(raw, merge, keep=False)
    assert normalise(raw, merge) == strict


@law
@given(raws, st.booleans())
def test_matching_ignores_params_and_nothing_else(raw: bytes, merge: bool) -> None:
    path = canonical(raw, merge)
    matched = match_path(path, merge)
    assert match_path(matched, merge) is matched
    assert b";" not in matched and b"%3B" not in matched
    assert not {b".", b".."} & set(matched.split(b"/"))
    assert (matched is path) == (b";" not in path and b"%3B" not in path)
    if merge:
        assert normalise(matched) == matched


@law
@given(st.lists(st.sampled_from([b"a", b"%C3%A9", b"b;x=1", b".git", b"c.d", b"~u"]), max_size=5), st.data())
def test_equivalent_spellings_have_one_canonical_form(segments: list[bytes], data: st.DataObject) -> None:
    spelt = b""
    for segment in segments:
        detour = data.draw(st.sampled_from([b"/", b"//", b"/./", b"/x/../", b"/%2E/", b"/y/%2e./", b"///"]))
        spelt += detour + data.draw(_spellings(segment))
    assert normalise(spelt) == b"/" + b"/".join(segments)


def _spellings(segment: bytes) -> st.SearchStrategy[bytes]:
    encoded = re.sub(rb"(?<!%)(?<!%[A-Z0-9])[a-z~.]", lambda m: b"%%%02x" % m[0][0], segment)
    lower = re.sub(rb"%..", lambda m: m[0].lower(), segment)
    return st.sampled_from([segment, lower, encoded])


# --- upstreams: each a sequence of steps on the path that the gateway forwards ---


def _dots(path: bytes) -> bytes:
    kept: list[bytes] = []
    parts = path.split(b"/")[1:]
    for part in parts:
        if part == b"..":
            del kept[-1:]
        elif part != b".":
            kept.append(part)
    return b"/" + b"/".join(kept)


STEPS: dict[str, Callable[[bytes], bytes]] = {
    "decode": unquote_to_bytes,
    "merge": lambda path: re.sub(rb"/+", b"/", path),
    "params": lambda path: re.sub(rb";[^/]*", b"", path),
    "backslash": lambda path: path.replace(b"\\", b"/"),
    "dots": _dots,
    "overlong": lambda path: re.sub(rb"\xc0([\x80-\xbf])|\xe0\x80([\x80-\xbf])", _short, path),
    "nul": lambda path: path.partition(b"\0")[0],
}


def _short(found: re.Match[bytes]) -> bytes:
    return bytes(((found[1] or found[2])[0] & 0x7F,))


upstreams = st.lists(st.sampled_from(sorted(STEPS)), max_size=7).filter(lambda steps: steps.count("decode") <= 2)


def arrives(forwarded: bytes, steps: list[str]) -> bytes:
    """The resource that an upstream which does `steps` would serve, decoded, params aside."""
    path = forwarded
    for step in steps if "decode" in steps else [*steps, "decode"]:
        path = STEPS[step](path)
    return STEPS["merge"](STEPS["params"](path))


ROUTERS = [
    Router().with_hosts({"h": [Entry(pattern(uri), target=guarded) for uri, guarded in layout.items()]})
    for layout in ({"/": False, "/admin": True, "/pub/adm": True}, {"/": True, "/pub": False, "/pub/admin": True})
]


@law
@given(raws, upstreams, st.sampled_from(ROUTERS))
@example(b"/pub/%2e%2e/admin", ["decode", "dots"], ROUTERS[0])
@example(b"/pub/..;/admin", ["params", "dots"], ROUTERS[0])
@example(b"/;x/admin", ["params", "merge"], ROUTERS[0])
@example(b"/%2561dmin", ["decode", "decode"], ROUTERS[0])
@example(b"/pub%255c..%255cadmin", ["decode", "decode", "backslash", "dots"], ROUTERS[0])
@example(b"/pub/%c0%ae%c0%ae/admin", ["decode", "overlong", "dots"], ROUTERS[0])
@example(b"/admin%3Bx", ["decode", "params"], ROUTERS[0])
@example(b"/pub/x/%2e%2e%2f%2e%2e%2fadmin", ["decode", "dots"], ROUTERS[1])
def test_no_spelling_matches_a_public_route_and_arrives_at_a_guarded_one(
    raw: bytes, steps: list[str], router: Router
) -> None:
    forwarded = canonical(raw, keep=False)
    decided = router.match(b"h", match_path(forwarded), None)  # type: ignore[arg-type]
    there = router.match(b"h", arrives(forwarded, steps), None)  # type: ignore[arg-type]
    assert decided or not there, (forwarded, arrives(forwarded, steps))


@law
@given(raws, upstreams)
def test_dot_segments_reach_no_upstream_even_where_escaped_slashes_are_kept(raw: bytes, steps: list[str]) -> None:
    forwarded = canonical(raw, keep=True)
    assume("decode" not in steps or steps.count("decode") == 1)
    seen = forwarded
    for step in steps:
        if step not in ("dots", "overlong", "nul"):
            seen = STEPS[step](seen)
    assert not {b".", b".."} & set(seen.split(b"/"))
