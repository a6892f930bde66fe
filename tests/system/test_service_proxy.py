"""The service proxy of a real gateway: a listener of its own, Services from the store, the lists of gateway.yaml."""

from __future__ import annotations

from pathlib import Path

from system.harness import GatewayProcess, Origin, get, poll


def test_services_by_name(tmp_path: Path) -> None:
    with Origin("web") as origin:
        documents = [
            {"upstreams": {"shop/web:80": [origin.address], "shop/empty:80": [], "secret/web:80": [origin.address]}}
        ]
        settings = {"service_proxy": {"allow": ["*/*"], "deny": ["secret/*"]}}
        with GatewayProcess(tmp_path, documents, settings) as gateway:
            port = gateway.service_proxy
            seen = get(port, "/__web.shop.80__/a/../b?x=1", headers={"X-User-Id": "root"}).json()
            assert (seen["origin"], seen["path"], seen["headers"]["host"]) == ("web", "/b?x=1", "web.shop.svc:80")
            assert "x-user-id" not in seen["headers"]
            wanted = {
                "/__web.secret.80__/": (403, "denied"),
                "/__no.secret.80__/": (403, "denied"),
                "/__no.shop.80__/": (404, "no_route"),
                "/x": (404, "no_route"),
                "/__empty.shop.80__/": (503, "no_endpoint"),
            }
            told = {path: (answer.status, answer.json()["code"]) for path in wanted for answer in [get(port, path)]}
            assert told == wanted
            assert get(gateway.proxy, "/__web.shop.80__/").json()["code"] == "no_route"
            gateway.write([{"upstreams": {"shop/late:80": [origin.address]}}], "late.yaml")
            poll(lambda: get(port, "/__late.shop.80__/").status == 200)
