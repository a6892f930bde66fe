"""Field names: kinds by any spelling, a memory that stays small, lists and lines."""

from __future__ import annotations

from gwt.wire.names import REQUEST_NAMES, RESPONSE_NAMES, Kind, field, tokens, trailer_lines, without


def test_spellings_of_one_name() -> None:
    for spelled in (b"host", b"Host", b"HOST", b"hOsT"):
        assert REQUEST_NAMES[spelled] == Kind.HOST
    for spelled in (b"X-User-Id", b"x_user_id", b"X.USER-ID", b"Content_Length", b"X_Forwarded.For"):
        assert REQUEST_NAMES[spelled] == Kind.DROP
    for mark in b"!#$%&'*+.^_`|~":
        assert REQUEST_NAMES[b"X%cUser%cId" % (mark, mark)] == REQUEST_NAMES[b"x-user%cinfo" % mark] == Kind.DROP
        assert trailer_lines([b"x%cuser%cid: root" % (mark, mark)]) == []
    assert REQUEST_NAMES[b"X-Forwarded-Anything"] == Kind.FORWARDED
    assert REQUEST_NAMES[b"X-User-Idx"] == REQUEST_NAMES[b"X_Custom"] == Kind.PASS
    assert RESPONSE_NAMES[b"Content_Length"] == Kind.PASS


def test_the_memory_is_bounded() -> None:
    for number in range(10_000):
        assert REQUEST_NAMES[b"X-%d" % number] == Kind.PASS
    assert len(REQUEST_NAMES) <= 4096 and REQUEST_NAMES[b"Host"] == Kind.HOST


def test_lists() -> None:
    assert tokens(b" Close,, keep-Alive\t,") == {b"close", b"keep-alive"}
    assert tokens(b"") == frozenset()


def test_lines() -> None:
    lines = b"A: 1\r\nb:2\r\na: 3\r\n"
    assert field(lines, b"a") == b"1, 3" and field(lines, b"b") == b"2" and field(lines, b"c") is None
    assert without(lines, [b"a"]) == b"b:2\r\n" and without(lines, [b"c"]) == lines


def test_trailers() -> None:
    assert trailer_lines([b"A: 1", b"x_user_id: 2", b"Host: 3", b"X-Forwarded-For: 4"]) == [b"A: 1"]
    assert trailer_lines([b"A : 1"]) is None and trailer_lines([b"A"]) is None
