from __future__ import annotations

from typing import Any

import pytest
from route.request_view import View

from gwt.model.route import Path
from gwt.route.conditions import BadCondition, Conditions


def compiled(**given: Any) -> Conditions:
    found = Conditions.of(Path(uri="/", **given))
    assert found is not None
    return found


def agree(conditions: Conditions, view: View) -> bool:
    """Whether they hold; `holds` and `fails` must say the same."""
    assert conditions.holds(view) == (conditions.fails(view) is None)
    return conditions.holds(view)


def test_no_conditions_are_none() -> None:
    assert Conditions.of(Path(uri="/")) is None


def test_methods() -> None:
    asked = compiled(methods=("POST", "put"))
    assert agree(asked, View(method=b"POST")) and agree(asked, View(method=b"PUT"))
    assert not agree(asked, View(method=b"GET")) and not agree(asked, View(method=b"post"))
    assert asked.fails(View()) == "method GET is not among POST, PUT"


def test_headers_args_and_cookies() -> None:
    asked = compiled(headers={"X-Canary": "1"}, args={"Q": "a b"}, cookies={"c": "\u00e9"})
    right = View(headers={b"x-canary": b"1"}, args={b"Q": b"a b"}, cookies={b"c": b"\xc3\xa9"})
    assert asked.count == 3 and agree(asked, right)
    assert asked.fails(View()) == "header x-canary is missing"
    assert asked.fails(View(headers={b"x-canary": b"2\0"})) == "header x-canary is '2\\x00', not '1'"
    assert asked.fails(View(headers=right.headers)) == "argument Q is missing"
    assert asked.fails(View(headers=right.headers, args=right.args)) == "cookie c is missing"


@pytest.mark.parametrize(
    ("client", "inside"),
    [
        ("10.0.0.1", True),
        ("10.255.255.255", True),
        ("11.0.0.0", False),
        ("9.255.255.255", False),
        ("192.168.1.1", True),
        ("192.168.1.2", False),
        ("::ffff:10.1.2.3", True),
        ("::ffff:11.1.2.3", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("172.16.5.5", True),
        ("", False),
        ("unix:", False),
    ],
)
def test_addresses(client: str, inside: bool) -> None:
    asked = compiled(
        remote_addrs=(
            "10.0.0.0/9",
            "10.128.0.0/9",
            "10.1.0.0/16",
            "192.168.1.1",
            "2001:db8::/32",
            "::ffff:172.16.0.0/108",
        )
    )
    assert agree(asked, View(client=client)) == inside


def test_an_address_says_why() -> None:
    asked = compiled(remote_addrs=("10.0.0.0/8", "10.0.0.5/8"))
    assert asked.fails(View(client="1.2.3.4")) == "client 1.2.3.4 is not in 10.0.0.0/8"
    with pytest.raises(BadCondition, match=r"10\.0\.0\.0/33"):
        compiled(remote_addrs=("10.0.0.0/33",))


def test_vars_count_each() -> None:
    asked = compiled(vars=(("arg_a", "==", "1"), ("arg_b", "==", "2")))
    assert asked.count == 2
    assert agree(asked, View(args={b"a": b"1", b"b": b"2"}))
    assert asked.fails(View(args={b"a": b"1"})) == "arg_b is missing: not == '2'"


def test_the_same_conditions_are_equal_in_any_order() -> None:
    one = compiled(methods=("GET", "POST"), vars=(("arg_a", "==", "1"), ("uri", "~~", "^/a")))
    other = compiled(methods=("POST", "GET"), vars=(("uri", "~~", "^/a"), ("arg_a", "==", "1")))
    assert set(one.tests) == set(other.tests) != set(compiled(methods=("GET",)).tests)
    assert compiled(headers={"A": "1", "B": "2"}) == compiled(headers={"b": "2", "a": "1"})
