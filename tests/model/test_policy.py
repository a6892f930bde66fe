"""The effective policy: defaults, who set what, and what can't be enforced yet."""

from __future__ import annotations

from gwt.model.policy import DEFAULT_ORIGIN, DEFAULT_POLICY, FIELDS, Origin, Policy, apply, merge, overlay
from gwt.model.route import NO_ACCESS, Access, RateLimit, Timeout

ROUTE = Origin("route", "foo", "foo.yaml", 1)
PATH = Origin("path", "/x", "foo.yaml", 9)


def test_defaults_are_those_of_the_documentation() -> None:
    policy = merge([])
    assert policy == Policy()
    assert policy.timeout == Timeout(5.0, 60.0, 60.0, None)
    assert (policy.auth_type, policy.retries, policy.retry_buffer, policy.max_body) == ("public", 1, 65536, 10485760)
    assert set(policy.origins) == set(FIELDS)
    assert set(policy.origins.values()) == {DEFAULT_ORIGIN}


def test_the_lower_level_wins_field_by_field() -> None:
    policy = merge([(ROUTE, Access(retries=3, max_body=5)), (PATH, Access(retries=0))])
    assert (policy.retries, policy.max_body) == (0, 5)
    assert (policy.origins["retries"], policy.origins["max_body"]) == (PATH, ROUTE)


def test_empty_lists_are_said() -> None:
    policy = merge(
        [
            (ROUTE, Access(ip_allow=("10.0.0.0/8",), rate_limits=(RateLimit(1),))),
            (PATH, Access(ip_allow=(), rate_limits=())),
        ]
    )
    assert policy.ip_allow == ()
    assert policy.rate_limits == ()


def test_timeout_is_one_field() -> None:
    policy = merge([(ROUTE, Access(timeout=Timeout(1, 2, 3, 4))), (PATH, Access(timeout=Timeout(5, 10, 10)))])
    assert (policy.connect, policy.first_byte, policy.read, policy.total) == (5, 10, 10, None)


def test_an_origin_has_the_line_of_the_field() -> None:
    policy = merge([(ROUTE, Access(retries=2, max_body=1, lines={"retries": 7}))])
    assert (policy.origins["retries"].line, policy.origins["max_body"].line) == (7, 1)
    assert str(policy.origins["retries"]) == "route foo (foo.yaml:7)"
    assert str(DEFAULT_ORIGIN) == "default"
    assert str(Origin("global", "", "g.yaml")) == "global (g.yaml)"


def test_levels_that_say_nothing_cost_nothing() -> None:
    assert apply(DEFAULT_POLICY, [(ROUTE, NO_ACCESS)]) is DEFAULT_POLICY


def test_what_has_to_be_enforced_on_every_request() -> None:
    assert Policy().asks() == ()
    assert merge([(ROUTE, Access(ip_deny=(), rate_limits=(), auth_type="public", require={}))]).asks() == ()
    for access, field in (
        (Access(auth_type="login"), "auth_type"),
        (Access(auth_type=("key-auth",)), "auth_type"),
        (Access(require={"a": ("b",)}), "require"),
        (Access(auth_type="optional"), "auth_type"),
        (Access(rate_limits=(RateLimit(1),)), "rate_limits"),
        (Access(ip_allow=()), "ip_allow"),
        (Access(ip_deny=("10.0.0.0/8",)), "ip_deny"),
    ):
        assert merge([(ROUTE, access)]).asks() == (field,)


def test_guarded() -> None:
    assert not Policy().guarded
    assert not Policy(auth_type="optional").guarded
    for policy in (
        Policy(auth_type="login"),
        Policy(auth_type=("key-auth",)),
        Policy(ip_allow=()),
        Policy(ip_deny=("::/0",)),
    ):
        assert policy.guarded


def test_overlay_is_both_levels() -> None:
    both = overlay(
        Access(retries=1, max_body=2, lines={"retries": 3, "max_body": 4}), Access(retries=5, lines={"retries": 6})
    )
    assert both == Access(retries=5, max_body=2, lines={"retries": 6, "max_body": 4})
