from __future__ import annotations

import pytest

from gwt.balance.endpoint import Registry
from gwt.closing import list_names, reasons
from gwt.guards import MAKERS
from gwt.model.forms import PROTOCOLS
from gwt.model.policy import DEFAULT_POLICY, Origin, Policy, merge
from gwt.model.route import Access, RateLimit, Service
from gwt.surroundings import Surroundings

SURROUNDINGS = Surroundings(Registry(lambda: 0.0, lambda: 0.5), resources=frozenset({"files"}))
SERVICE = Service(upstream="u")


def policy(**fields: object) -> Policy:
    return merge([(Origin("route", "foo", "a.yaml", 3), Access(**fields))])  # type: ignore[arg-type]


def why(effective: Policy = DEFAULT_POLICY, service: Service = SERVICE) -> str:
    return "; ".join(reasons(effective, service, SURROUNDINGS, {"known": ()}))


def test_what_asks_for_nothing_special_is_open() -> None:
    assert why() == ""
    assert why(policy(retries=3, max_body=1)) == ""


def test_what_can_not_be_enforced_closes_and_says_who_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(MAKERS, "rate_limits")
    asks = policy(rate_limits=(RateLimit(1),))
    assert "rate_limits" in why(asks) and "a.yaml:3" in why(asks)


def test_names_that_do_not_resolve_close() -> None:
    assert "list '@other' is not defined" in why(policy(ip_deny=("@known", "@other")))
    assert "@known" not in why(policy(ip_deny=("@known",)))
    assert "resource 'files'" not in why(service=Service(resource="files"))
    assert "resource 'other'" in why(service=Service(resource="other"))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_protocol_closes(protocol: str) -> None:
    assert not why(service=Service(upstream="u", protocol=protocol))


def test_lists_are_named_with_an_at() -> None:
    assert list_names(policy(ip_allow=("@a", "10.0.0.0/8"), ip_deny=("@b",))) == ["a", "b"]
