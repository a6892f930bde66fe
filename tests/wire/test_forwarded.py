"""What a trusted peer says, and identifiers. tests/edge/test_spoofing_fields.py has it end to end."""

from __future__ import annotations

import pytest

from gwt.wire.forwarded import Ids, believed, lines_for, plain_address, request_id, traceparent


def test_lines() -> None:
    assert lines_for("1.2.3.4", b"http", 80) == (
        b"X-Forwarded-For: 1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\n"
    )


@pytest.mark.parametrize(
    ("said", "plain"),
    [("1.2.3.4", "1.2.3.4"), ("1.2.3.4:5", "1.2.3.4"), ("[::1]:5", "::1"), ("::FFFF:1.2.3.4", "1.2.3.4"),
     ("2001:DB8::0:1", "2001:db8::1"), ("unknown", None), ("_hidden", None), ("", None), ("1.2.3", None)],
)  # fmt: skip
def test_addresses(said: str, plain: str | None) -> None:
    assert plain_address(said) == plain


def test_the_first_that_is_not_trusted() -> None:
    said = {b"x-forwarded-for": b"6.6.6.6, 9.9.9.9,10.0.0.2"}
    client, lines, host = believed("10.0.0.1", said, b"http", 80, lambda peer: peer.startswith("10."))
    assert client == "9.9.9.9" and host is None
    assert lines.startswith(b"X-Forwarded-For: 6.6.6.6, 9.9.9.9,10.0.0.2, 10.0.0.1\r\nX-Real-IP: 9.9.9.9\r\n")


def test_identifiers_do_not_repeat() -> None:
    calls: list[int] = []

    def random(size: int) -> bytes:
        calls.append(size)
        return bytes([len(calls)]) * size

    ids = Ids(random)
    assert all(len(ids.take(48)) == 48 for _ in range(400)) and len(calls) == 3
    assert request_id(b"a b", ids) == b"03" * 16 and request_id(b"ok", ids) == b"ok"
    assert traceparent(None, ids) == b"00-" + b"03" * 16 + b"-" + b"03" * 8 + b"-00"
