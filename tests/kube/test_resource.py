from __future__ import annotations

from gwt.kube.resource import SERVICES, SLICES, config_maps, leases


def test_paths() -> None:
    assert SERVICES.path == "/api/v1/services"
    assert SLICES.path == "/apis/discovery.k8s.io/v1/endpointslices"
    assert config_maps("n", "gwt.io/route=true").path == "/api/v1/namespaces/n/configmaps"


def test_queries() -> None:
    maps = config_maps("n", "gwt.io/route=true")
    assert maps.list_page("", 5).endswith("?labelSelector=gwt.io%2Froute%3Dtrue&limit=5")
    assert SERVICES.list_page("a b", 5).endswith("?limit=5&continue=a+b")
    assert SERVICES.list_page("", 0).endswith("/services?")
    one = "limit=1&fieldSelector=metadata.name%3Da%2Cmetadata.namespace%3Dn"
    assert SERVICES.only("n/a").endswith(f"?{one}") and maps.only("n/a").endswith(f"%3Dtrue&{one}")
    assert "resourceVersion=7" in SERVICES.watch("7", 300) and "timeoutSeconds=300" in SERVICES.watch("7", 300)
    assert leases("n").watch("7", 300, "a").endswith("resourceVersion=7&fieldSelector=metadata.name%3Da")
    assert "sendInitialEvents=true" in SERVICES.stream(300) and "resourceVersion=" not in SERVICES.stream(300)


def test_how_it_is_called() -> None:
    assert (str(SERVICES), str(config_maps("n", "l"))) == ("services", "configmaps in n")
