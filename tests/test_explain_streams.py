from __future__ import annotations

from typing import Any

import pytest
from test_streams import ANY, NAMED, compiled

from gwt.cli.explain import tell
from gwt.compile import compile_now
from gwt.delta import Delta
from gwt.explain import Asked
from gwt.explain_streams import explain_any
from gwt.model.route import Access, EndpointSpec, ServiceSpec
from gwt.snapshot import Snapshot


@pytest.fixture
def snapshot() -> Snapshot:
    spec = ServiceSpec("named", (EndpointSpec("10.0.0.1:1"),))
    return compile_now(
        compiled(NAMED, ANY, access=Access(ip_deny=("192.0.2.0/24",))), Delta(2, services={"named": spec})
    )


def told(snapshot: Snapshot, url: str, client: str = "10.0.0.9") -> dict[str, Any]:
    return explain_any(snapshot, Asked("GET", url, (), client))


def test_the_leaf_that_takes_it_and_its_endpoint(snapshot: Snapshot) -> None:
    found = told(snapshot, "stream://tls/X.example.com.")
    assert (found["host_pattern"], found["error"], found["winner"]["endpoint"]) == ("*.example.com", None, "10.0.0.1:1")
    assert found["winner"]["policy"]["ip_deny"] == {"value": ["192.0.2.0/24"], "set_by": "global (gateway.yaml)"}
    assert "sends  bytes to named (tcp), Host as it came" in tell(found)


@pytest.mark.parametrize(
    ("url", "client", "code"),
    [
        ("stream://tls", "10.0.0.9", "no_service"),
        ("stream://udp", "10.0.0.9", "no_route"),
        ("stream://tls/a.example.com", "192.0.2.1", "ip"),
        ("http://tls/", "10.0.0.9", "no_route"),
    ],
)
def test_why_it_would_be_closed(snapshot: Snapshot, url: str, client: str, code: str) -> None:
    assert told(snapshot, url, client)["error"]["code"] == code


def test_a_stream_that_is_closed_says_why() -> None:
    found = told(compiled(ANY, access=Access(auth_type="login")), "stream://tls")
    assert found["error"]["code"] == "policy"
    assert "can't enforce auth_type" in found["error"]["message"]
