from __future__ import annotations

from typing import Any

from gwt.model.endpoints import services_of
from gwt.store.slim import slim

SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "ns", "uid": "1", "labels": {"app": "web"}, "managedFields": [{}]},
    "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "http", "port": 80, "targetPort": 8080}], "selector": {}},
    "status": {"loadBalancer": {}},
}
SLICE: dict[str, Any] = {
    "kind": "EndpointSlice",
    "metadata": {
        "name": "web-1",
        "namespace": "ns",
        "labels": {"kubernetes.io/service-name": "web", "other": "x"},
        "ownerReferences": [{"kind": "Service"}],
    },
    "addressType": "IPv4",
    "ports": [{"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "http"}],
    "endpoints": [
        {"addresses": ["10.0.0.1"], "conditions": {"ready": True, "serving": True, "terminating": False}, "zone": "a",
         "nodeName": "n", "targetRef": {"kind": "Pod", "name": "web-x"}},
        {"addresses": ["10.0.0.2"], "conditions": {}},
        {"addresses": ["10.0.0.3"], "conditions": {"ready": False, "serving": True, "terminating": True}},
        {"addresses": ["10.0.0.4"]},
    ],
}  # fmt: skip
ENDPOINTS: dict[str, Any] = {
    "kind": "Endpoints",
    "metadata": {"name": "web", "namespace": "ns"},
    "subsets": [
        {
            "addresses": [{"ip": "10.0.0.1", "nodeName": "n", "targetRef": {}}],
            "notReadyAddresses": [{"ip": "10.0.0.2"}],
            "ports": [{"name": "http", "port": 8080}],
        }
    ],
}


def test_the_services_are_the_same() -> None:
    service, part, old = slim("Service", SERVICE), slim("EndpointSlice", SLICE), slim("Endpoints", ENDPOINTS)
    assert services_of([service], [part], []) == services_of([SERVICE], [SLICE], [])
    assert services_of([service], [], [old]) == services_of([SERVICE], [], [ENDPOINTS])


def test_an_external_name_stays() -> None:
    service = {"metadata": {"name": "e"}, "spec": {"type": "ExternalName", "externalName": "e.example.com"}}
    assert services_of([slim("Service", service)], [], []) == services_of([service], [], [])


def test_what_nobody_reads_is_gone_and_equal_conditions_are_one_object() -> None:
    kept = slim("EndpointSlice", SLICE)
    assert "targetRef" not in kept["endpoints"][0]
    assert set(kept["metadata"]) == {"name", "namespace", "labels"}
    assert kept["endpoints"][1]["conditions"] is kept["endpoints"][3]["conditions"]
