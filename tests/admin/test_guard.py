"""gwt.admin.guard: who may ask what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gwt.admin.guard import ADMIN, METRICS, OPEN, Asking, Guard, beyond_loopback, objection
from gwt.model.secret import Secret

HERE = Asking(b"GET", "127.0.0.1:9180", None, None, "127.0.0.1")
ADMINS, SCRAPERS = "a" * 32, "m" * 32


def code(guard: Guard, level: str, asking: Asking) -> str | None:
    refusal = guard.refusal(level, asking)
    return None if refusal is None else refusal.code


def bearing(token: str, scheme: str = "Bearer") -> Asking:
    return replace(HERE, authorization=f"{scheme} {token}", host="evil.example.com")


@pytest.mark.parametrize("guard", [Guard(), Guard(ADMINS), Guard(None, SCRAPERS), Guard(ADMINS, SCRAPERS)])
def test_health_never_asks(guard: Guard) -> None:
    assert code(guard, OPEN, replace(HERE, host="10.1.2.3")) is None


def test_tokens() -> None:
    both = Guard(Secret(ADMINS), Secret(SCRAPERS))
    assert code(both, ADMIN, bearing(ADMINS)) is None
    assert code(both, METRICS, bearing(ADMINS)) is None
    assert code(both, METRICS, bearing(SCRAPERS)) is None
    assert code(both, METRICS, bearing(SCRAPERS, "bearer ")) is None
    for wrong in (bearing(SCRAPERS), bearing(ADMINS[:-1]), bearing(ADMINS, "Basic"), bearing(""), bearing("***"), HERE):
        assert code(both, ADMIN, wrong) == "auth"
    assert code(both, METRICS, HERE) == "auth"


def test_one_token_only() -> None:
    assert code(Guard(ADMINS), METRICS, HERE) == "auth"
    scrapers = Guard(None, SCRAPERS)
    assert code(scrapers, METRICS, HERE) == "auth"
    assert code(scrapers, ADMIN, HERE) is None


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:9180", "127.0.0.1", "[::1]:1", "[::1]", "10.0.0.5:9180", "127.0.0.1:"]
)
def test_names_of_this_machine(host: str) -> None:
    assert code(Guard(), ADMIN, replace(HERE, host=host, listener="10.0.0.5")) is None


@pytest.mark.parametrize(
    "host", [None, "", "evil.example.com", "evil.example.com:9180", "localhost.evil.com", "127.0.0.1.evil.com"]
)
def test_names_of_others(host: str | None) -> None:
    assert code(Guard(), ADMIN, replace(HERE, host=host)) == "host"
    assert code(Guard(), METRICS, replace(HERE, host=host)) == "host"
    assert code(Guard(), ADMIN, replace(HERE, host=host, listener=None)) is None  # no browser reaches a UNIX socket


def test_changes_come_from_no_page_of_elsewhere() -> None:
    change = replace(HERE, method=b"POST")
    assert code(Guard(), ADMIN, change) is None
    assert code(Guard(), ADMIN, replace(change, origin="http://127.0.0.1:9180")) is None
    for origin in ("http://evil.example.com", "null", "http://127.0.0.1:80"):
        assert code(Guard(), ADMIN, replace(change, origin=origin)) == "origin"


@pytest.mark.parametrize(
    "text",
    ["tcp:9180:interface=127.0.0.1", "tcp:9180:interface=127.8.8.8", "tcp:port=9180:interface=localhost",
     "tcp6:9180:interface=\\:\\:1", "unix:/run/gwt/admin.sock", "haproxy:tcp:9180:interface=127.0.0.1",
     "ssl:9180:privateKey=k.pem:interface=127.0.0.1", "tcp:9180:127.0.0.1"],
)  # fmt: skip
def test_what_only_this_machine_reaches(text: str) -> None:
    assert not beyond_loopback(text)
    assert objection((text,), None, None) is None


@pytest.mark.parametrize(
    "text",
    ["tcp:9180", "tcp:9180:interface=0.0.0.0", "tcp6:9180", "tcp:9180:interface=10.0.0.1", "systemd:index=0",
     "ssl:9180:privateKey=k.pem", "haproxy:tcp:9180", "tcp:9180:interface=\\:\\:", "tcp:9180:interface="],
)  # fmt: skip
def test_what_others_reach_needs_a_token(text: str) -> None:
    assert beyond_loopback(text)
    why = objection((text,), None, SCRAPERS)
    assert why is not None
    assert (why.path, "admin_token" in why.message) == (("listeners", "admin", 0), True)
    assert objection((text,), ADMINS, None) is None


@pytest.mark.parametrize("token", ["", "  ", "changeme", "ChangeMe", "edd1c9f034335f136f87ad84b625c8f1"])
def test_tokens_that_everybody_knows(token: str) -> None:
    for tokens in ((Secret(token), None), (ADMINS, Secret(token))):
        why = objection((), *tokens)
        assert why is not None
        assert "\n" not in why
