from __future__ import annotations

import pytest

from gwt.balance.endpoint import Endpoint, EndpointState, Registry, authority_of, split_address
from gwt.model.route import EndpointSpec


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [("10.0.0.1:80", "10.0.0.1", 80), ("[fd00::1]:8080", "fd00::1", 8080), ("db.internal:5432", "db.internal", 5432)],
)
def test_addresses(address: str, host: str, port: int) -> None:
    assert split_address(address) == (host, port)


@pytest.mark.parametrize("address", ["", "10.0.0.1", ":80", "10.0.0.1:", "10.0.0.1:http", "10.0.0.1:8_0", "1:²"])
def test_not_an_address(address: str) -> None:
    with pytest.raises(ValueError, match="IP:PORT"):
        split_address(address)


def test_an_endpoint_of_weight_0_has_a_share_where_it_is_needed() -> None:
    endpoint = Endpoint(EndpointSpec("10.0.0.1:80", weight=0), EndpointState())
    assert (endpoint.weight, endpoint.share) == (0, 1)


def test_says() -> None:
    spec = EndpointSpec("10.0.0.1:80", weight=2, zone="a")
    endpoint = Endpoint(spec, EndpointState())
    assert endpoint.says(spec)
    assert not endpoint.says(EndpointSpec("10.0.0.1:80", weight=2, zone="b"))
    assert not endpoint.says(EndpointSpec("10.0.0.1:80", weight=2, zone="a", ready=False))


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_state_is_found_again() -> None:
    registry = Registry(Time(), lambda: 0.0)
    state = registry.state("ns/a:80", "10.0.0.1:80")
    assert registry.state("ns/a:80", "10.0.0.1:80") is state
    assert registry.state("ns/b:80", "10.0.0.1:80") is not state
    assert len(registry) == 2


def test_states_expire_by_disuse() -> None:
    time = Time()
    registry = Registry(time, lambda: 0.0)
    busy, used, idle = (registry.state("ns/a:80", f"10.0.0.{last}:80") for last in (1, 2, 3))
    busy.inflight = 1
    time.now += 700
    used.last_used = time.now
    registry.expire()
    assert registry.state("ns/a:80", "10.0.0.1:80") is busy
    assert registry.state("ns/a:80", "10.0.0.2:80") is used
    assert registry.state("ns/a:80", "10.0.0.3:80") is not idle


def test_what_left_is_kept_from_its_leaving_on() -> None:
    time = Time()
    registry = Registry(time, lambda: 0.0)
    state = registry.state("ns/a:80", "10.0.0.1:80")
    time.now += 700
    registry.expire()
    assert len(registry) == 0
    registry.keep("ns/a:80", "10.0.0.1:80", state)
    registry.expire()
    assert registry.state("ns/a:80", "10.0.0.1:80") is state


def test_expiry_comes_round_to_every_service() -> None:
    time = Time()
    registry = Registry(time, lambda: 0.0)
    for number in range(10):
        registry.state(f"ns/{number}:80", "10.0.0.1:80")
    time.now += 700
    for left in (6, 2, 0):
        registry.expire(services=4)
        assert len(registry) == left


@pytest.mark.parametrize(
    ("address", "name", "authority"),
    [
        ("10.0.0.1:80", None, None), ("10.0.0.1:80", "a.b", b"a.b"), ("[::1]:8080", "a.b", b"a.b:8080"),
        ("10.0.0.1:80", "a b", None), ("10.0.0.1:80", "a\nb", None), ("10.0.0.1:80", "", None),
    ],
)  # fmt: skip
def test_what_an_endpoint_is_called(address: str, name: str | None, authority: bytes | None) -> None:
    assert authority_of(address, name) == authority
