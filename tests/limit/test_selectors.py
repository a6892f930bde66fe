"""gwt.limit.selectors: which request falls into which bucket."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pytest

from gwt.limit.selectors import Limit, address, compile_limits, declared_by
from gwt.model.policy import Origin
from gwt.model.route import Path, RateLimit, Route, Service


@dataclass
class ALeaf:
    service: str = "foo-service"
    upstream: str | None = "ns/foo-service:8080"


@dataclass
class Request:
    client: str = "10.1.2.3"
    path: bytes = b"/a/b"
    user: str | None = None
    leaf: ALeaf = field(default_factory=ALeaf)


def key(selectors: tuple[str, ...], declarer: str = "route:r", **request: Any) -> bytes:
    limit = compile_limits(declarer, [RateLimit(1, 0, selectors)])[0]
    return limit.key(Request(**request))


@pytest.mark.parametrize(
    ("selectors", "said"),
    [
        ((), b"route:r"),
        (("ip",), b"route:r ip 10.1.2.3"),
        (("service",), b"route:r service ns/foo-service:8080"),
        (("path",), b"route:r path /a/b"),
        (("user",), b"route:r user user=alice"),
        (("path", "ip"), b"route:r ip,path 10.1.2.3 /a/b"),
        (("user", "service"), b"route:r service,user ns/foo-service:8080 user=alice"),
    ],
)
def test_keys(selectors: tuple[str, ...], said: bytes) -> None:
    assert key(selectors, user="alice") == said


def test_the_order_of_selectors_means_nothing() -> None:
    assert key(("path", "ip")) == key(("ip", "path"))


def test_who_is_not_known_is_limited_by_address() -> None:
    assert key(("user",)) == b"route:r user 10.1.2.3"
    assert key(("user",), user="10.1.2.3") != key(("user",))
    assert key(("ip", "user")) == b"route:r ip,user 10.1.2.3 10.1.2.3"


def test_a_resource_is_a_service_too() -> None:
    assert key(("service",), leaf=ALeaf("my resource", None)) == b"route:r service my%20resource"


@pytest.mark.parametrize(
    ("client", "said"),
    [
        ("10.1.2.3", b"10.1.2.3"),
        ("::ffff:10.1.2.3", b"10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", b"2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", b"2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", b"2001:db8:1:3::/64"),
        ("", b""),
        ("unix:/run/x", b"unix:/run/x"),
    ],
)
def test_addresses(client: str, said: bytes) -> None:
    assert address(client) == said


def test_no_two_kinds_of_limits_share_a_bucket() -> None:
    names = ("ip", "user", "service", "path")
    kinds = [some for count in range(5) for some in combinations(names, count)]
    limits = compile_limits("global", [RateLimit(1, 0, some) for some in kinds])
    assert len({limit.key(Request()) for limit in limits}) == len(kinds)


def test_a_user_may_be_called_anything() -> None:
    one = key(("user", "path"), user="a /b", path=b"/")
    two = key(("user", "path"), user="b", path=b"/ user=a")  # no path holds a space
    assert one != two
    assert key(("user",), user="\ud800") == b"route:r user user=\xed\xa0\x80"


def test_a_second_limit_of_a_kind_has_a_bucket_of_its_own_and_edits_keep_it() -> None:
    def keys(*limits: tuple[int, int, tuple[str, ...]]) -> list[bytes]:
        return [limit.key(Request()) for limit in compile_limits("global", [RateLimit(*one) for one in limits])]

    first = keys((10, 0, ("ip",)), (100, 5, ()), (1000, 0, ("ip",)))
    assert len(set(first)) == 3
    assert keys((20, 7, ("ip",)), (99, 0, ()), (1, 1, ("ip",))) == first
    assert keys((100, 5, ()), (10, 0, ("ip",)), (1000, 0, ("ip",))) == [first[1], first[0], first[2]]


def test_what_is_compiled_knows_the_limit() -> None:
    plain, user = compile_limits("global", [RateLimit(10, 5, ("ip",)), RateLimit(3, 0, ("user", "ip"))])
    assert (plain.rate, plain.burst, plain.by_user) == (10, 5, False)
    assert (user.rate, user.burst, user.by_user) == (3, 0, True)
    assert repr(plain) == repr(Limit(10, 5, plain.key))
    assert plain.fail == "local"


def test_at_a_rate_of_nothing_nobody_need_be_asked() -> None:
    limits = [RateLimit(1, fail="open"), RateLimit(1, fail="closed"), RateLimit(0, fail="open")]
    assert [one.fail for one in compile_limits("global", limits)] == ["open", "closed", "local"]


GET, POST, OTHER = Path("/x", methods=("GET",)), Path("/x", methods=("POST",)), Path("/x", match="exact")
ONE, TWO = Service("s", port=1, paths=(GET, POST, OTHER)), Service("s", port=2, paths=(GET,))
UP = Service(upstream="u:1")
ROUTE = Route("my route", ("h",), services=(ONE, TWO, UP))


def test_every_level_has_a_name_of_its_own() -> None:
    said = [
        declared_by(Origin("global")),
        declared_by(Origin("global"), ROUTE, ONE, GET),
        declared_by(Origin("route"), ROUTE, ONE, GET),
        declared_by(Origin("service"), ROUTE, ONE, GET),
        declared_by(Origin("service"), ROUTE, TWO, GET),
        declared_by(Origin("service"), ROUTE, UP, GET),
        declared_by(Origin("path"), ROUTE, ONE, GET),
        declared_by(Origin("path"), ROUTE, ONE, POST),
        declared_by(Origin("path"), ROUTE, ONE, OTHER),
        declared_by(Origin("path"), ROUTE, TWO, GET),
    ]
    assert said == [
        "global", "global", "route:my%20route", "route:my%20route:s", "route:my%20route:s#2", "route:my%20route:u%3A1",
        "route:my%20route:s:prefix:/x", "route:my%20route:s:prefix:/x#2", "route:my%20route:s:exact:/x",
        "route:my%20route:s#2:prefix:/x",
    ]  # fmt: skip
