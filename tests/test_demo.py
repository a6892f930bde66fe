"""gwt.demo: the packaged routes with real ports, and what is suggested for them."""

from __future__ import annotations

import json
from io import BytesIO

from twisted.web.test.requesthelper import DummyRequest

from gwt.demo import SERVICES, Echo, documents, tries
from gwt.model.parse import parse_file


def test_the_routes_lead_to_the_ports_that_were_free() -> None:
    text = documents([50001, 50002, 50003])
    assert all(f"127.0.0.1:{port}" in text for port in (50001, 50002, 50003))
    assert not any(f"127.0.0.1:{port}" in text for _, port in SERVICES)
    assert parse_file(text, "demo").problems == ()


def test_an_echo_tells_who_answered_and_what_arrived() -> None:
    request = DummyRequest([b""])
    request.method, request.uri, request.content = b"PUT", b"/x?y=1", BytesIO(b"body")
    request.requestHeaders.setRawHeaders(b"x-a", [b"1", b"2"])
    told = json.loads(Echo("red").render(request))
    assert told == {
        "service": "red", "method": "PUT", "path": "/x?y=1", "headers": {"X-A": "1, 2"}, "body": "body",
    }  # fmt: skip


def test_only_what_listens_is_suggested() -> None:
    lines = tries({"proxy": 1234})
    assert lines
    assert all("127.0.0.1:1234" in line for line in lines[1::2])
    assert len(tries({"proxy": 1, "service_proxy": 2, "admin": 3})) > len(lines)
