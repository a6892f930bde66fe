"""EndpointSlices, Endpoints and Services to ServiceSpecs, as kube-proxy reads them."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.model.endpoints import service_of, services_of
from gwt.model.kubecheck import faults_of
from gwt.model.route import EndpointSpec, ServiceSpec


def service(*ports: dict[str, Any], name: str = "s", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "n"}, "spec": {"ports": list(ports), **spec}}


def piece(
    name: str, endpoints: Any, ports: Any = ({"name": "", "port": 8080},), owner: str = "s", **more: Any
) -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": owner} if owner else {}
    ports = list(ports) if isinstance(ports, tuple) else ports
    return {
        "metadata": {"name": name, "namespace": "n", "labels": labels},
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports,
        **more,
    }


def ep(address: str, zone: str | None = None, **conditions: Any) -> dict[str, Any]:
    return {"addresses": [address], "conditions": conditions, "zone": zone}


def only(*args: Any) -> ServiceSpec:
    (spec,) = services_of(*args).values()
    return spec


def test_union_over_slices_each_address_once() -> None:
    spec = only(
        [service({"port": 80})],
        [piece("b", [ep("10.0.0.2"), ep("10.0.0.1", ready=False)]), piece("a", [ep("10.0.0.1")])],
        [],
    )
    assert spec == ServiceSpec("n/s:80", (EndpointSpec("10.0.0.1:8080"), EndpointSpec("10.0.0.2:8080")), source="kube")


def test_conditions_that_are_not_given() -> None:
    cases = [
        ({}, (True, True, False)),
        ({"ready": None}, (True, True, False)),
        ({"ready": False}, (False, False, False)),
        ({"ready": False, "serving": True, "terminating": True}, (False, True, True)),
        ({"serving": False}, (True, False, False)),
    ]
    for conditions, wanted in cases:
        (found,) = only([service({"port": 80})], [piece("a", [ep("10.0.0.1", **conditions)])], []).endpoints
        assert (found.ready, found.serving, found.terminating) == wanted
    bare = only(
        [service({"port": 80})], [piece("a", [{"addresses": ["10.0.0.1", "10.9.9.9"], "conditions": None}])], []
    )
    assert bare.endpoints == (EndpointSpec("10.0.0.1:8080"),)


def test_ports_are_matched_by_name() -> None:
    value = service(
        {"name": "web", "port": 80},
        {"name": "rpc", "port": 90, "appProtocol": "kubernetes.io/h2c"},
        {"name": "dns", "port": 53, "protocol": "UDP"},
    )
    pieces = [
        piece(
            "a",
            [ep("10.0.0.1")],
            ({"name": "web", "port": 1}, {"name": "rpc", "port": 2}, {"name": "dns", "port": 3, "protocol": "UDP"}),
        ),
        piece("b", [ep("10.0.0.2")], ({"name": "web", "port": 7, "appProtocol": "https"},)),
        piece("c", [ep("10.0.0.3")], ({"name": "dns", "port": 3, "protocol": "UDP"},)),
    ]
    found = services_of([value], pieces, [])
    assert sorted(found) == ["n/s:80", "n/s:90"]
    assert [one.address for one in found["n/s:80"].endpoints] == ["10.0.0.1:1", "10.0.0.2:7"]
    assert [one.address for one in found["n/s:90"].endpoints] == ["10.0.0.1:2"]
    assert (found["n/s:80"].protocol, found["n/s:90"].protocol, found["n/s:90"].port_name) == ("https", "h2c", "rpc")


def test_slices_without_ports_offer_what_is_asked_for() -> None:
    assert only([service({"port": 80})], [piece("a", [ep("10.0.0.1")], None)], []).endpoints[0].address == "10.0.0.1:80"
    assert (
        only([service({"port": 80})], [piece("a", [ep("10.0.0.1")], ({"port": None},))], []).endpoints[0].address
        == "10.0.0.1:80"
    )
    assert only([service()], [piece("a", [ep("10.0.0.1")], ({"name": "x", "port": 5},))], []).key == "n/s:5"


def test_addresses_of_every_family() -> None:
    v6 = piece("a", [ep("2001:DB8::1", zone="z1"), ep("not an address")], addressType="IPv6")
    assert only([service({"port": 80})], [v6, piece("f", [ep("x.example")], addressType="FQDN")], []).endpoints == (
        EndpointSpec("[2001:db8::1]:8080", zone="z1"),
    )


def test_not_ready_addresses_can_be_published() -> None:
    value = service({"port": 80}, publishNotReadyAddresses=True)
    assert only([value], [piece("a", [ep("10.0.0.1", ready=False)])], []).endpoints[0].ready


def test_endpoints_count_where_there_is_no_slice() -> None:
    old = {
        "metadata": {"name": "s", "namespace": "n"},
        "subsets": [
            {"addresses": [{"ip": "10.0.0.1"}], "notReadyAddresses": [{"ip": "10.0.0.2"}], "ports": [{"port": 8080}]},
            {"addresses": None},
        ],
    }
    assert [(one.address, one.ready) for one in only([service({"port": 80})], [], [old]).endpoints] == [
        ("10.0.0.1:8080", True),
        ("10.0.0.2:8080", False),
    ]
    assert only([service({"port": 80})], [piece("a", [])], [old]).endpoints == ()


def test_external_names_wait_for_dns() -> None:
    value = service({"port": 443, "name": "tls"}, type="ExternalName", externalName="API.example.com.")
    assert only([value], [], []) == ServiceSpec("n/s:443", (), None, "tls", "kube", "api.example.com")
    assert only([service(type="ExternalName", externalName="x.y")], [], []).key == "n/s:*"


def test_addresses_that_a_service_claims_are_no_endpoints() -> None:
    claims = {"externalIPs": ["192.0.2.1"], "loadBalancerIP": "192.0.2.2", "clusterIP": "10.96.0.1"}
    value = service({"port": 80, "nodePort": 30080}, type="LoadBalancer", **claims)
    value["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.3"}, {"hostname": "evil.example.com"}]}}
    spec = only([value], [piece("a", [ep("10.0.0.1")])], [])
    assert [one.address for one in spec.endpoints] == ["10.0.0.1:8080"] and spec.external_name is None
    assert only([value], [], []).endpoints == ()


def test_slices_of_nobody_give_nothing() -> None:
    lost = piece("a", [ep("10.0.0.1")], owner="")
    assert service_of(lost, "EndpointSlice") is None
    assert service_of(piece("a", []), "EndpointSlice") == service_of(service(), "Service") == "n/s"
    assert services_of([], [piece("a", [ep("10.0.0.1")])], []) == {}
    assert only([service({"port": 80})], [lost], []).endpoints == ()


MEMBERS = st.lists(
    st.tuples(st.integers(1, 6), st.booleans()).map(lambda one: ep(f"10.0.0.{one[0]}", ready=one[1])), max_size=5
)


@settings(deadline=None)
@given(st.lists(MEMBERS, max_size=4), st.randoms())
def test_how_members_are_spread_over_slices_does_not_matter(groups: list[Any], random: Any) -> None:
    pieces = [piece(f"s{number}", members) for number, members in enumerate(groups)]
    together = piece("all", [member for members in groups for member in members])
    shuffled = random.sample(pieces, len(pieces))
    assert services_of([service({"port": 80})], shuffled, []) == services_of([service({"port": 80})], [together], [])


JUNK: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 70000) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "ports",
                    "port",
                    "name",
                    "endpoints",
                    "addresses",
                    "conditions",
                    "ready",
                    "spec",
                    "subsets",
                    "ip",
                    "type",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(JUNK, JUNK, JUNK)
def test_what_passes_the_check_never_raises(spec: Any, endpoints: Any, ports: Any) -> None:
    values = {
        "Service": {"metadata": {"name": "s", "namespace": "n"}, "spec": spec},
        "EndpointSlice": piece("a", endpoints, ports),
        "Endpoints": {"metadata": {"name": "s", "namespace": "n"}, "subsets": endpoints},
    }
    sound = {kind: [value] if not faults_of(kind, value) else [] for kind, value in values.items()}
    services_of(sound["Service"], sound["EndpointSlice"], sound["Endpoints"])
