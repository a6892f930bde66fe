"""What sticks to what."""

from __future__ import annotations

import pytest

from gwt.model.route import Balance
from gwt.phase.exchange import Exchange
from gwt.upstream.affinity import sticky_key
from gwt.wire.request import parse_request


def exchange(user: str | None = None) -> Exchange:
    made = Exchange(parse_request(b"GET / HTTP/1.1\r\nHost: a\r\nX-Tenant: t1\r\nCookie: a=1; sid=s2"))
    made.client, made.user = "10.0.0.1", user
    return made


@pytest.mark.parametrize(
    ("by", "name", "user", "key"),
    [
        (None, None, "alice", b"alice"),
        (None, None, None, b"10.0.0.1"),
        ("user", None, None, b"10.0.0.1"),
        ("ip", None, "alice", b"10.0.0.1"),
        ("header", "X-Tenant", None, b"t1"),
        ("header", "X-Other", None, None),
        ("cookie", "sid", None, b"s2"),
        ("cookie", "none", None, None),
    ],
)
def test_key(by: str | None, name: str | None, user: str | None, key: bytes | None) -> None:
    assert sticky_key(exchange(user), Balance("sticky", by, name)) == key
