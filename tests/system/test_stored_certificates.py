"""Certificates of Redis, of etcd and of Kubernetes, as a TLS client with SNI is served them by a real gateway."""

from __future__ import annotations

import json
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority, Pair
from kube.apiserver import ApiServer, config_map, service, slice_, tls_secret
from system.controlling import ControllerProcess
from system.harness import GatewayProcess, Origin, free_port, get, poll, request
from system.shared import KINDS, SharedStore, document, opened
from system.test_certificates import asked, connected

CA = Authority()
A, B = "a.example.com", "b.example.com"


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest) -> Iterator[SharedStore]:
    with opened(request.param, bare=True) as one:
        yield one


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as one:
        yield one


class World:
    """A gateway with a TLS listener that follows a store. `told` is all that it has said to anybody."""

    def __init__(self, directory: Path, store: SharedStore) -> None:
        self.port, self.admin = free_port(), free_port()
        listeners = {
            "proxy": f"tls:{self.port}:interface=127.0.0.1",
            "admin": f"tcp:{self.admin}:interface=127.0.0.1",
        }
        directory.mkdir(exist_ok=True)
        settings = {"store": store.url, "refresh": 0.5, "listeners": listeners, "debug_token": "let-me-see"}
        self.gateway = GatewayProcess(directory, settings=settings, wait=False)

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.gateway.__exit__(*_)  # type: ignore[arg-type]

    def served(self, name: str) -> bytes | None:
        """The certificate that is served to who asks for `name`, None where there is none."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with (
                socket.create_connection(("127.0.0.1", self.port), 30) as plain,
                context.wrap_socket(plain, server_hostname=name) as secure,
            ):
                return secure.getpeercert(binary_form=True)
        except OSError:
            return None

    def connection(self, name: str) -> connected:
        return connected(self.port, name, CA.trusting())

    def told(self) -> str:
        paths = (
            "certificates",
            f"certificates/{A}",
            "problems",
            "history",
            "diff?from=0",
            "routes",
            "explain?url=http://x/",
        )
        pages = [get(self.admin, f"/v1/{path}").body.decode() for path in paths]
        return "".join([self.gateway.output, get(self.admin, "/metrics").body.decode(), *pages])


def shows(told: str, *pairs: Pair) -> bool:
    """Whether any line of a key stands there, in PEM or in JSON."""
    return any(line in told for pair in pairs for line in pair.key.splitlines()[1:-1])


def certificate(pair: Pair, **more: Any) -> dict[str, Any]:
    return {"doc": {"cert": pair.cert, "key": pair.key, **more}, "source": "tool"}


def put(store: SharedStore, name: str, pair: Pair | None, **more: Any) -> None:
    store.write("certificates", {"certificates": {name: None if pair is None else certificate(pair, **more)}})


def fill(store: SharedStore, origin: Origin) -> None:
    store.fill()
    store.service("n/s:80", origin.address)
    store.route("a", document(A))


def test_certificates_come_change_and_go_while_connections_live_on(
    tmp_path: Path, store: SharedStore, origin: Origin
) -> None:
    fill(store, origin)
    first, second, other, wrong = CA.pair(A), CA.pair(A), CA.pair(B), CA.pair(A)
    put(store, A, first)
    with World(tmp_path, store) as world:
        poll(lambda: world.served(A) == first.der)
        assert world.served(B) == first.der  # the only one
        with world.connection(A) as old:
            assert asked(old, A).status == 200
            put(store, B, other)
            poll(lambda: world.served(B) == other.der)
            put(store, A, second)
            poll(lambda: world.served(A) == second.der)
            put(store, A, Pair(wrong.cert, other.key))
            poll(lambda: "not that of the certificate" in json.dumps(get(world.admin, "/v1/problems").json()))
            told = get(world.admin, f"/v1/certificates/{A}").json()
            assert told["names"] == [A] and told["problems"][0]["file"] == f"certificates/{A}"
            put(store, B, second)  # the others go on
            poll(lambda: world.served(B) == second.der)
            assert world.served(A) == second.der
            put(store, B, None)
            put(store, A, first)
            poll(lambda: world.served(A) == first.der)
            assert asked(old, A).status == 200
        assert not shows(world.told(), first, second, other, wrong)
        assert store.remembered() == []
        assert world.gateway.stop() == 0
        copies = list(tmp_path.glob(".gwt-store-*"))
        assert [stat.S_IMODE(copy.stat().st_mode) for copy in copies] == [0o600]
    store.stop()
    with World(tmp_path, store) as world:
        poll(lambda: world.served(A) == first.der)  # of the copy
        assert not shows(world.told(), first)


def test_the_admin_api_and_gwt_put_and_take_away(tmp_path: Path, store: SharedStore, origin: Origin) -> None:
    fill(store, origin)
    first, second = CA.pair(A), CA.pair(A)
    with World(tmp_path / "one", store) as one, World(tmp_path / "two", store) as two:
        one.gateway.wait_ready()
        two.gateway.wait_ready()
        path, body = f"/v1/certificates/{A}", json.dumps({"cert": first.cert, "key": first.key}).encode()
        etag = request(one.admin, "PUT", path, body=body).headers["etag"]
        poll(lambda: two.served(A) == one.served(A) == first.der)
        second.write(tmp_path, "second")
        files = [str(tmp_path / f"second.{kind}") for kind in ("crt", "key")]
        url = f"http://127.0.0.1:{two.admin}"
        gwt = [sys.executable, "-c", "from gwt.cli.main import main; main()"]
        ran = subprocess.run(
            [*gwt, "certificate", "--admin", url, "put", A, *files],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert ran.returncode == 0 and "certificates revision" in ran.stdout, ran.stderr
        poll(lambda: two.served(A) == one.served(A) == second.der)
        lost = request(one.admin, "PUT", path, body=body, headers={"If-Match": etag})
        assert lost.status == 412
        seen = get(one.admin, path).headers["etag"]
        assert request(one.admin, "DELETE", path, headers={"If-Match": seen}).status == 200
        poll(lambda: one.served(A) is two.served(A) is None)
        assert not shows(one.told() + two.told(), first, second)


def in_cluster(api: ApiServer, origin: Origin) -> None:
    api.put("services", service("n/s"))
    api.put("endpointslices", slice_("n/s", "127.0.0.1", port=origin.port))
    api.put("configmaps", config_map("n/routes", {"name": "a", **document(A)}))


def events(api: ApiServer, reason: str) -> list[str]:
    found = list(api.objects["events"].values())
    return [one["involvedObject"]["name"] for one in found if one["reason"] == reason]


def test_a_secret_is_served_and_its_renewal_and_old_connections_live_on(
    tmp_path: Path, store: SharedStore, origin: Origin
) -> None:
    first, second, other = CA.pair(A), CA.pair(A), CA.pair(B)
    with ApiServer() as api:
        in_cluster(api, origin)
        api.put("secrets", tls_secret("n/www", first.cert, first.key))
        api.put("secrets", tls_secret("n/theirs", other.cert, other.key, labels={}))
        with (
            ControllerProcess(tmp_path / "c", api, store, tls_label="gwt.io/tls=true") as controller,
            World(tmp_path / "g", store) as world,
        ):
            poll(lambda: world.served(A) == first.der)
            assert list(store.entries("certificates")) == ["n/www"]
            with world.connection(A) as old:
                poll(lambda: asked(old, A).status == 200)
                api.put("secrets", tls_secret("n/www", second.cert, second.key))
                poll(lambda: world.served(A) == second.der)
                api.put("secrets", tls_secret("n/www", second.cert, other.key))
                api.put("secrets", tls_secret("n/more", other.cert, other.key))
                poll(lambda: world.served(B) == other.der)
                poll(lambda: controller.metric("gwt_controller_rejected_secrets") == 1)
                assert world.served(A) == second.der
                poll(lambda: events(api, "CertificateRejected") == ["www"])
                poll(lambda: set(events(api, "CertificateAccepted")) == {"www", "more"})
                api.delete("secrets", "n/www")
                poll(lambda: list(store.entries("certificates")) == ["n/more"])
                poll(lambda: world.served(A) == other.der)
                assert asked(old, A).status == 200
            paths = [path for _, path in api.requests if "/secrets" in path]
            assert paths and all("labelSelector=gwt.io%2Ftls%3Dtrue" in path for path in paths)
            assert not [method for method, path in api.requests if "/secrets" in path and method != "GET"]
            said = json.dumps(list(api.objects["events"].values())) + controller.output + world.told()
            assert not shows(said, first, second, other)


def test_where_secrets_are_forbidden_all_else_goes_on(tmp_path: Path, origin: Origin) -> None:
    first = CA.pair(A)
    with opened("redis", bare=True) as store, ApiServer() as api:
        in_cluster(api, origin)
        api.forbidden.add("secrets")
        api.put("secrets", tls_secret("n/www", first.cert, first.key))
        settings = {"tls_label": "gwt.io/tls=true"}
        with (
            ControllerProcess(tmp_path / "c", api, store, **settings) as controller,
            World(tmp_path / "g", store) as world,
        ):
            poll(lambda: "a" in store.entries("routes") and "n/s:80" in store.entries("services"))
            poll(lambda: controller.metric('gwt_controller_watch_errors{resource="secrets in n"}') >= 2)
            assert controller.output.count("secrets in n: the API server answers 403") == 1
            state = controller.ready()
            assert state is not None and state["kubernetes"]["secrets in n"] is False
            assert controller.metric("gwt_controller_secrets_synced") == 0
            assert store.entries("certificates") == {}
            api.forbidden.clear()
            poll(lambda: world.served(A) == first.der)
            poll(lambda: controller.metric("gwt_controller_secrets_synced") == 1)
