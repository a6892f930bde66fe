"""The head of an answer, changed."""

from __future__ import annotations

import pytest

from gwt.phase.answer import Answer


def test_headers() -> None:
    answer = Answer(200, b"Fine", b"A: 1\r\nContent-Length: 5\r\n")
    answer.add_header("a", "2")
    assert answer.header("A") == b"1, 2" and answer.header(b"content-length") == b"5"
    answer.set_header("A", "3")
    answer.remove_header(b"B")
    assert answer.fields == b"Content-Length: 5\r\nA: 3\r\n"
    with pytest.raises(ValueError, match="gateway alone"):
        answer.remove_header("Content-Length")


def test_another_status_has_another_reason() -> None:
    answer = Answer(200, b"Fine", b"")
    answer.status = 404
    assert (answer.status, answer.reason, answer.began_with) == (404, b"", 200)
    with pytest.raises(ValueError, match="200 to 599"):
        answer.status = 101
