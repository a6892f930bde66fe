"""The table of errors is that of the contract with clients: statuses, gRPC statuses, RFC 9209 tokens."""

from __future__ import annotations

import re

import pytest

from gwt.errors import KINDS, Blame, GatewayError

#: docs/errors.md says it to people; clients and alerts depend on it.
PROMISED = {
    404: ({"no_route"}, 12),
    503: ({"no_service", "no_endpoint", "policy", "identity", "overloaded", "draining", "breaker_open"}, 14),
    502: ({"connect_failed", "bad_answer"}, 14),
    504: ({"timeout"}, 4),
    401: ({"login", "auth"}, 16),
    403: ({"ip", "require", "denied"}, 7),
    429: ({"rate_limit"}, 8),
    400: ({"bad_request"}, 13),
    421: ({"misdirected"}, 14),
    408: ({"slow_request"}, 13),
    413: ({"too_large"}, 13),
    414: ({"uri_too_long"}, 13),
    431: ({"headers_too_large"}, 13),
    501: ({"method"}, 13),
    505: ({"version"}, 13),
    500: ({"plugin", "internal"}, 13),
}


def test_every_code_has_the_statuses_that_were_promised() -> None:
    promised = {code: (status, grpc) for status, (codes, grpc) in PROMISED.items() for code in codes}
    assert {code: (kind.status, kind.grpc) for code, kind in KINDS.items()} == promised


def test_proxy_status_tokens_are_tokens() -> None:
    assert all(kind.proxy_status is None or re.fullmatch("[a-z_]+", kind.proxy_status) for kind in KINDS.values())


def test_client_errors_blame_the_client() -> None:
    assert {kind.status for kind in KINDS.values() if kind.blame is Blame.CLIENT} <= {*range(400, 500), 501, 505}


def test_an_unknown_code_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="no_such_code"):
        GatewayError("no_such_code", "never told to anybody")


def test_an_error_knows_its_kind() -> None:
    error = GatewayError("timeout", "too slow", detail="connection_timeout")
    assert (error.status, error.kind.grpc, str(error), error.detail, error.close) == (
        504,
        4,
        "too slow",
        "connection_timeout",
        False,
    )
