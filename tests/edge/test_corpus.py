"""The corpus of raw requests: whole, byte by byte, and cut at every point, read by either scanner."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from edge.cases import CASES, Case
from edge.rig import Rig, Seen

from gwt.wire import request as wire_request
from gwt.wire import response as wire_response
from gwt.wire.scan import scan, scan_in_python, split_request_line, split_request_line_in_python

#: Heads longer than this are not cut at every point, but at some hundred.
_LONG = 250


@pytest.fixture(params=["chosen", "python"], autouse=True)
def scanner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the Python twin reads, instead of what was chosen at import."""
    python = bool(request.param == "python")
    for module in (wire_request, wire_response):
        monkeypatch.setattr(module, "scan", scan_in_python if python else scan)
    monkeypatch.setattr(
        wire_request, "split_request_line", split_request_line_in_python if python else split_request_line
    )
    return python


def test_the_corpus_is_broad() -> None:
    assert len(CASES) >= 300
    assert len({case.name for case in CASES}) == len(CASES)


def told(seen: Seen) -> bytes:
    return b"%b %b %b %b" % (seen.method, seen.target, seen.header(b"host") or b"", seen.body)


def judge(case: Case, rig: Rig) -> None:
    got = rig.answers(*case.heads)
    finals = tuple(answer.status for answer in got if answer.status >= 200)
    assert finals == case.statuses, got
    assert all(answer.complete for answer in got)
    assert tuple(map(told, rig.seen)) == case.seen
    assert rig.wire.ended is not case.open
    assert not rig.wire.aborted
    if not case.open:
        assert got[-1].headers[b"connection"] == b"close"


def cuts(size: int) -> Iterator[int]:
    return iter(range(1, size, 1 + size // _LONG))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_whole(case: Case) -> None:
    judge(case, Rig().send(case.raw))


@pytest.mark.parametrize("case", [case for case in CASES if len(case.raw) < 10_000], ids=lambda case: case.name)
def test_byte_by_byte(case: Case, scanner: bool) -> None:
    if scanner:
        return  # the scanners see whole heads only
    rig = Rig()
    for at in range(len(case.raw)):
        rig.send(case.raw[at : at + 1])
    judge(case, rig)


@pytest.mark.parametrize("case", [case for case in CASES if len(case.raw) < 10_000], ids=lambda case: case.name)
def test_every_cut(case: Case) -> None:
    rig = Rig()
    for at in cuts(len(case.raw)):
        rig.connect()
        rig.seen.clear()
        rig.send(case.raw[:at], case.raw[at:])
        judge(case, rig)
