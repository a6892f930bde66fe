"""What stands in deploy/ at work: the processes with the configuration, arguments and environment of their pods,
between an API server for tests and a real Redis. Only addresses and paths are others.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from deploy.manifests import KUBERNETES, Object, containers, find, load, of_kind, ports, probes, rendered
from deploy.rules import Right, asked, cover, granted
from kube.apiserver import ApiServer, tls_secret
from system.harness import PATIENCE, Origin, Process, environment, free_port, get, poll, twistd
from system.redis import RedisServer

BASE, EXAMPLE = rendered(), rendered(KUBERNETES / "example")
HOST = "hello.example.com"
TOKENS = {"admin-token": "a" * 48, "metrics-token": "m" * 48}


class Deployed(Process):
    """The container of the Deployment gwt-NAME. `ports` are those of its listeners, by name; `state` is its own."""

    def __init__(self, name: str, directory: Path, redis: RedisServer, **others: str) -> None:
        (container,) = containers(find(BASE, "Deployment", f"gwt-{name}"))
        self.container = container
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        self.ports = {port: free_port() for port in ports(container)}
        self.state, config, secrets = (directory / part for part in ("state", "config", "secrets"))
        for path in (self.state, config, secrets):
            path.mkdir(parents=True)
        for key, value in {**TOKENS, "store": f"redis://127.0.0.1:{redis.port}/0"}.items():
            (secrets / key).write_text(value + "\n")
        text = find(BASE, "ConfigMap", f"gwt-{name}")["data"][f"{name}.yaml"]
        places = {mounts["secrets"]: str(secrets), **others}
        for port, number in ports(container).items():
            kind = "tls" if port == "tls" else "tcp"
            places[f"{kind}:{number}"] = f"{kind}:{self.ports[port]}:interface=127.0.0.1"
        for ours, theirs in places.items():
            assert ours in text
            text = text.replace(ours, theirs)
        (config / f"{name}.yaml").write_text(text)
        self.arguments = [one.replace(mounts["config"], str(config)) for one in container["args"]]
        self.config = config
        env = {one["name"]: one["value"] for one in container.get("env", ())}
        if "state" in mounts:
            env = {key: value.replace(mounts["state"], str(self.state)) for key, value in env.items()}
        super().__init__(twistd(*self.arguments), cwd=config, env=env)

    def probe(self, kind: str) -> int | None:
        """The status that the kubelet would see; None: it can't connect."""
        ask = dict(probes(self.container))[kind]
        try:
            return get(self.ports[ask["port"]], ask["path"], timeout=5).status
        except OSError:
            return None


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """Not started yet."""
    server = RedisServer()
    try:
        yield server
    finally:
        server.__exit__(None, None, None)


@pytest.fixture
def api() -> Iterator[ApiServer]:
    """Without WatchList, so that lists are asked for too."""
    with ApiServer() as server:
        server.streams = False
        yield server


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin("hello") as one:
        yield one


@pytest.fixture
def gateway(tmp_path: Path, redis: RedisServer) -> Iterator[Deployed]:
    longer = {"drain_delay: 5": "drain_delay: 60"}  # so that a busy machine misses nothing of it
    with Deployed("gateway", tmp_path / "gateway", redis, **longer) as one:
        yield one


def controlling(directory: Path, redis: RedisServer, api: ApiServer, **others: str) -> Deployed:
    where = directory / "kubeconfig"
    config = api.kubeconfig()
    config["contexts"][0]["context"]["namespace"] = "gwt"  # as the pod is told by its service account
    where.write_text(json.dumps(config))
    return Deployed("controller", directory / "controller", redis, **{"in-cluster": f"{{path: {where}}}", **others})


def following(directory: Path, redis: RedisServer, api: ApiServer) -> Deployed:
    """A second one."""
    (directory / "second").mkdir()
    return controlling(directory / "second", redis, api)


@pytest.fixture
def controller(tmp_path: Path, redis: RedisServer, api: ApiServer) -> Iterator[Deployed]:
    with controlling(tmp_path, redis, api) as one:
        yield one


def apply_example(api: ApiServer, origin: Origin) -> None:
    """The ConfigMaps and Services of example/, and the slice that Kubernetes would make of its pods."""
    for value in of_kind(EXAMPLE, "ConfigMap"):
        api.put("configmaps", value)
    for value in of_kind(EXAMPLE, "Service"):
        api.put("services", value)
    (port,) = find(EXAMPLE, "Service", "hello")["spec"]["ports"]
    labels = {"kubernetes.io/service-name": "hello"}
    api.put("endpointslices", {
        "metadata": {"namespace": "gwt", "name": "hello-1", "labels": labels},
        "addressType": "IPv4", "ports": [{"name": port["name"], "port": origin.port}],
        "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
    })  # fmt: skip


def answer(gateway: Deployed) -> int | None:
    try:
        return get(gateway.ports["proxy"], "/", host=HOST).status
    except OSError:
        return None


def test_from_nothing_to_the_first_request_and_the_end(
    tmp_path: Path, redis: RedisServer, api: ApiServer, origin: Origin, gateway: Deployed, controller: Deployed
) -> None:
    # Redis is not there yet: nobody is killed for it, nobody is sent anything.
    for process in (gateway, controller):
        poll(lambda process=process: process.probe("startupProbe") == 200)
        assert process.probe("livenessProbe") == 200
        assert process.probe("readinessProbe") == 503
    redis.start()
    apply_example(api, origin)
    poll(lambda: answer(gateway) == 200)
    for process in (gateway, controller):
        poll(lambda process=process: process.probe("readinessProbe") == 200)

    def told() -> Any:
        annotations = api.objects["configmaps"]["gwt/hello-routes"]["metadata"].get("annotations", {})
        return json.loads(annotations.get("gwt.io/status", "null"))

    assert poll(told)["accepted"] == 1
    assert scraped(gateway, "admin", TOKENS["metrics-token"]) == 200
    assert scraped(gateway, "admin") == 401
    assert scraped(controller, "metrics") == 200
    # What a container with a read-only root writes, it writes to its volume.
    poll(lambda: [path.name.startswith(".gwt-store-") for path in gateway.state.iterdir()] == [True])
    for process in (gateway, controller):
        assert len(list(process.config.iterdir())) == 1
    with following(tmp_path, redis, api):
        assert_rights_are_used_and_are_enough(api, BASE)
    # The end: not ready, but served as long as others may still send something.
    gateway.signal(signal.SIGTERM)
    poll(lambda: gateway.probe("readinessProbe") == 503)
    assert gateway.probe("livenessProbe") == 200
    assert answer(gateway) == 200


def scraped(process: Deployed, port: str, token: str | None = None) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return get(process.ports[port], "/metrics", headers=headers).status


def test_certificates_of_secrets_with_the_role_for_them(
    tmp_path: Path, redis: RedisServer, api: ApiServer, origin: Origin, gateway: Deployed
) -> None:
    pair = Authority().pair(HOST)
    redis.start()
    apply_example(api, origin)
    api.put("secrets", tls_secret("gwt/hello", pair.cert, pair.key))
    with controlling(tmp_path, redis, api, **{"# tls_label": "tls_label"}):
        poll(lambda: served(gateway.ports["tls"]) == pair.der)
        with following(tmp_path, redis, api):
            assert_rights_are_used_and_are_enough(api, BASE + rendered(KUBERNETES / "certificates"))


def served(port: int) -> bytes | None:
    """The certificate of the example's host."""
    context = ssl._create_unverified_context()
    try:
        with (
            socket.create_connection(("127.0.0.1", port), 30) as plain,
            context.wrap_socket(plain, server_hostname=HOST) as secure,
        ):
            return secure.getpeercert(binary_form=True)
    except OSError:
        return None


def assert_rights_are_used_and_are_enough(api: ApiServer, objects: list[Object]) -> None:
    """Controllers, of which one leads, ask for all that they may do, and for nothing else."""
    rights = granted(objects, "gwt-controller")
    assert rights

    def unused() -> list[Right]:
        used = asked(list(api.requests))
        return [right for right in rights if not any(cover(right, one) for one in used)]

    poll(lambda: not unused())
    assert [one for one in asked(list(api.requests)) if not any(cover(right, one) for right in rights)] == []


def test_gateways_may_do_nothing() -> None:
    assert granted(BASE, "gwt-gateway") == set()


@pytest.mark.parametrize("name", ["gateway", "controller"])
def test_check_finds_nothing_wrong(name: str, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for key, value in {**TOKENS, "store": "redis://:secret@redis:6379/0"}.items():
        (secrets / key).write_text(value)
    text = (KUBERNETES / f"config/{name}.yaml").read_text().replace("/run/secrets/gwt", str(secrets))
    (tmp_path / f"{name}.yaml").write_text(text)
    command = "gateway" if name == "gateway" else "gateway-controller"
    with Process(twistd(command, "--config", str(tmp_path / f"{name}.yaml"), "--check"), cwd=tmp_path) as process:
        assert process.wait() == 0, process.output


def test_what_serves_the_example_is_in_the_image(tmp_path: Path) -> None:
    (container,) = containers(find(EXAMPLE, "Deployment", "hello"))
    port, (mount,) = free_port(), container["volumeMounts"]
    page = find(EXAMPLE, "ConfigMap", "hello")["data"]["index.html"]
    (tmp_path / "index.html").write_text(page)
    here = {mount["mountPath"]: str(tmp_path), f"tcp:{ports(container)['http']}": f"tcp:{port}:interface=127.0.0.1"}
    arguments = [re.sub("|".join(map(re.escape, here)), lambda one: here[one[0]], text) for text in container["args"]]
    with Process(twistd(*arguments), cwd=tmp_path, env=environment()) as process:
        process.wait_line("Starting factory")
        poll(lambda: listens(port))
        assert get(port, "/").body.decode() == page


def listens(port: int) -> bool:
    """Whether somebody listens there: Twisted says that it starts a factory before it does."""
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE):
            return True
    except ConnectionRefusedError:
        return False


def test_the_monitors_ask_where_something_answers() -> None:
    monitors = load(KUBERNETES / "monitoring/monitors.yaml")
    for monitor in monitors:
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        (service,) = [one for one in of_kind(BASE, "Service") if wanted <= one["metadata"]["labels"].items()]
        (endpoint,) = monitor["spec"]["endpoints"]
        assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    asks = monitors[0]["spec"]["endpoints"][0]["authorization"]
    assert asks == {"credentials": {"name": "gwt", "key": "metrics-token"}}
