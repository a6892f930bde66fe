"""The entries that an ExternalName Service becomes."""

from __future__ import annotations

import pytest

from gwt.dns.ports import asked_by_key, asked_ports, led
from gwt.model.route import EndpointSpec, Env, Route, Service, ServiceSpec

SERVICES = {"n/s", "prod/s", "test/s", "default/s", "o/s"}


@pytest.mark.parametrize(
    ("route", "asked"),
    [
        (Route("r", (), services=(Service("s", port=80),)), {("default/s", 80)}),
        (Route("r", (), "n", services=(Service("s", port=80), Service("s", port=81))), {("n/s", 80), ("n/s", 81)}),
        (Route("r", (), "n", services=(Service("s", port="http"), Service("other", port=80))), set()),
        (Route("r", (), "n", services=(Service("s", port=80, namespace="o"),)), {("o/s", 80)}),
        (
            Route("r", (), "n", (Env("-prod", "prod"), Env("", None)), services=(Service("s", port=80),)),
            {("n/s", 80), ("prod/s", 80)},
        ),
        (Route("r", (), services=(Service(upstream="o/s:90"), Service(resource="x"))), {("o/s", 90)}),
    ],
)
def test_ports_that_a_route_asks_for(route: Route, asked: set[tuple[str, int]]) -> None:
    assert set(asked_ports(route, SERVICES)) == asked


@pytest.mark.parametrize("key", ["n/s", "n/s:http", "n/s:0", "n/s:65536", "bare", "other/s:80", ""])
def test_keys_that_ask_for_nothing(key: str) -> None:
    assert list(asked_by_key(key, SERVICES)) == []


def test_a_port_of_its_own_counts_alone() -> None:
    spec = ServiceSpec("n/s:443", (), "https", "tls", "kube", "a.example.com")
    assert led(spec, [80], ["192.0.2.1", "2001:db8::1"]) == {
        "n/s:443": ServiceSpec(
            "n/s:443", (EndpointSpec("192.0.2.1:443"), EndpointSpec("[2001:db8::1]:443")), "https", "tls", "kube",
            "a.example.com",
        )
    }  # fmt: skip


def test_without_one_each_that_is_asked_for() -> None:
    spec = ServiceSpec("n/s:*", external_name="a.example.com")
    assert led(spec, [], ["192.0.2.1"]) == {}
    found = led(spec, {81, 80}, ["192.0.2.1"])
    assert [(key, one.key, one.endpoints[0].address) for key, one in found.items()] == [
        ("n/s:80", "n/s:80", "192.0.2.1:80"), ("n/s:81", "n/s:81", "192.0.2.1:81"),
    ]  # fmt: skip
