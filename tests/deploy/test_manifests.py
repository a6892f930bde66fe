"""deploy/kubernetes: what the API server will take, and what fits together."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.manifests import (
    DEPLOY,
    KUBERNETES,
    KUSTOMIZATIONS,
    Object,
    containers,
    find,
    load,
    of_kind,
    pod,
    ports,
    probes,
    rendered,
    selects,
)
from deploy.validation import RELEASES, problem_of

import gwt
from gwt.model.controlleroptions import load_controller_settings
from gwt.model.parse import parse_file
from gwt.model.settings import load_settings

BASE = rendered()
EXAMPLE = rendered(KUBERNETES / "example")
ALL = [one for directory in KUSTOMIZATIONS for one in rendered(directory)]
WORKLOADS = of_kind(ALL, "Deployment")


def name_of(value: Object) -> str:
    return f"{value['kind']}-{value['metadata']['name']}"


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("value", ALL, ids=name_of)
def test_the_api_server_takes_it(value: Object, release: str) -> None:
    assert problem_of(value, release) is None


def test_a_wrong_field_would_be_seen() -> None:
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"port": [{"port": 80}]}}
    assert "port" in (problem_of(wrong, RELEASES[0]) or "")


def test_every_file_is_part_of_a_kustomization() -> None:
    named = {directory / "kustomization.yaml" for directory in KUSTOMIZATIONS}
    for directory in KUSTOMIZATIONS:
        (kustomization,) = load(directory / "kustomization.yaml")
        named |= {directory / name for name in kustomization["resources"]}
        named |= {directory / name for made in kustomization.get("configMapGenerator", ()) for name in made["files"]}
    assert set(KUBERNETES.rglob("*.yaml")) == named


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl here")
@pytest.mark.parametrize("directory", KUSTOMIZATIONS, ids=lambda one: one.name)
def test_kubectl_makes_the_same_of_it(directory: Path) -> None:
    done = subprocess.run(["kubectl", "kustomize", str(directory)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr

    def plain(objects: list[Object]) -> list[str]:
        texts = [json.dumps(one, sort_keys=True) for one in objects]
        return sorted(re.sub(r"\b(gwt-(?:gateway|controller))-[a-z0-9]{10}\b", r"\1", text) for text in texts)

    assert plain(list(yaml.safe_load_all(done.stdout))) == plain(rendered(directory))


# -- what is said in two places


def test_everything_is_in_the_namespace_and_the_names_are_unique() -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in ALL]
    assert len(names) == len(set(names))
    cluster = {"Namespace", "ClusterRole", "ClusterRoleBinding", "ValidatingAdmissionPolicy"}
    cluster.add("ValidatingAdmissionPolicyBinding")
    assert {one["metadata"].get("namespace") for one in ALL if one["kind"] not in cluster} == {"gwt"}


def test_the_image_is_of_this_release() -> None:
    images = {container["image"] for one in WORKLOADS for container in containers(one)}
    assert {image for image in images if image.startswith("gwt")} == {f"gwt:{gwt.__version__}"}


@pytest.mark.parametrize("workload", WORKLOADS, ids=name_of)
def test_selectors_select_their_own_pods(workload: Object) -> None:
    name = workload["metadata"]["name"]
    assert [one["metadata"]["name"] for one in WORKLOADS if selects(_matched(workload["spec"]), one)] == [name]
    for spread in pod(workload).get("topologySpreadConstraints", ()):
        assert selects(_matched(spread, "labelSelector"), workload)


def _matched(spec: Object, key: str = "selector") -> dict[str, str]:
    labels: dict[str, str] = spec[key]["matchLabels"]
    return labels


@pytest.mark.parametrize("service", of_kind(ALL, "Service"), ids=name_of)
def test_services_lead_to_ports_that_are_there(service: Object) -> None:
    (workload,) = [one for one in WORKLOADS if selects(service["spec"]["selector"], one)]
    (container,) = containers(workload)
    for port in service["spec"]["ports"]:
        assert port["targetPort"] in ports(container)


@pytest.mark.parametrize("kind", ["PodDisruptionBudget", "NetworkPolicy"])
def test_budgets_and_policies_select_one_kind_of_pods(kind: str) -> None:
    for one in of_kind(ALL, kind):
        key = "selector" if kind == "PodDisruptionBudget" else "podSelector"
        (workload,) = [other for other in WORKLOADS if selects(_matched(one["spec"], key), other)]
        known = {name for container in containers(workload) for name in ports(container)}
        for rule in one["spec"].get("ingress", ()):
            assert {port["port"] for port in rule["ports"]} <= known


@pytest.mark.parametrize("workload", WORKLOADS, ids=name_of)
def test_mounts_and_accounts_are_there(workload: Object) -> None:
    spec = pod(workload)
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    (container,) = containers(workload)
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes.keys()
    maps = {one["metadata"]["name"] for one in of_kind(ALL, "ConfigMap")}
    assert {volume["configMap"]["name"] for volume in volumes.values() if "configMap" in volume} <= maps
    assert {volume["secret"]["secretName"] for volume in volumes.values() if "secret" in volume} <= {"gwt"}
    if "serviceAccountName" in spec:
        assert find(ALL, "ServiceAccount", spec["serviceAccountName"])["automountServiceAccountToken"] is False
    assert spec["automountServiceAccountToken"] is (workload["metadata"]["name"] == "gwt-controller")


@pytest.mark.parametrize("workload", WORKLOADS, ids=name_of)
def test_pods_are_restricted(workload: Object) -> None:
    assert find(BASE, "Namespace", "gwt")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    spec = pod(workload)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(workload):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]


# -- the processes


def settings_of(name: str) -> Any:
    text = find(BASE, "ConfigMap", f"gwt-{name}")["data"][f"{name}.yaml"]
    read = load_settings if name == "gateway" else load_controller_settings
    settings, problems = read(text, f"{name}.yaml", {}, lambda path: f"redis://{Path(path).name}")
    assert problems == []
    return settings


def test_what_the_gateway_is_given() -> None:
    settings, deployed = settings_of("gateway"), find(BASE, "Deployment", "gwt-gateway")
    (container,) = containers(deployed)
    assert {settings.listeners.proxy, settings.listeners.admin} == {
        (f"tcp:{ports(container)['proxy']}", f"tls:{ports(container)['tls']}"), (f"tcp:{ports(container)['admin']}",),
    }  # fmt: skip
    assert {ask["port"] for _, ask in probes(container)} == {"admin"}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert container["args"] == ["gateway", "--config", f"{mounts['config']}/gateway.yaml"]
    assert {one["name"]: one["value"] for one in container["env"]}["STATE_DIRECTORY"] == mounts["state"]
    text = find(BASE, "ConfigMap", "gwt-gateway")["data"]["gateway.yaml"]
    assert set(re.findall(r"\$\{file:(.*?)\}", text)) == {
        f"{mounts['secrets']}/{name}" for name in ("store", "admin-token", "metrics-token")
    }


def test_the_gateway_has_time_to_end() -> None:
    settings, deployed = settings_of("gateway"), find(BASE, "Deployment", "gwt-gateway")
    (container,) = containers(deployed)
    command, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
    whole = float(seconds) + settings.drain_delay + settings.drain
    assert command == "sleep" and float(seconds) >= 5
    assert pod(deployed)["terminationGracePeriodSeconds"] >= whole + 10
    assert deployed["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert deployed["spec"]["replicas"] == 2


def test_what_the_controller_is_given() -> None:
    settings, deployed = settings_of("controller"), find(BASE, "Deployment", "gwt-controller")
    (container,) = containers(deployed)
    assert settings.listen == (f"tcp:{ports(container)['metrics']}",)
    assert {ask["port"] for _, ask in probes(container)} == {"metrics"}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert container["args"] == ["gateway-controller", "--config", f"{mounts['config']}/controller.yaml"]
    (secret,) = [volume["secret"] for volume in pod(deployed)["volumes"] if "secret" in volume]
    assert [item["path"] for item in secret["items"]] == ["store"]  # tokens are not its business
    lease = find(BASE, "Role", "gwt-lease")["rules"][1]
    assert lease["resourceNames"] == [settings.lease.name]
    assert deployed["spec"]["replicas"] == 2


def test_clients_come_by_fixed_ports() -> None:
    spec = find(BASE, "Service", "gwt-gateway")["spec"]
    assert (spec["type"], spec["externalTrafficPolicy"]) == ("NodePort", "Local")
    found = [(one["port"], one["targetPort"], one["nodePort"]) for one in spec["ports"]]
    assert found == [(80, "proxy", 30080), (443, "tls", 30443)]
    assert find(BASE, "Service", "gwt-gateway-admin")["spec"]["type"] == "ClusterIP"


def test_the_example_route_has_no_problem() -> None:
    path = KUBERNETES / "example/route.yaml"
    parsed = parse_file(path.read_text(), path.name)
    assert parsed.problems == () and len(parsed.documents) == 1


def test_no_secret_stands_in_a_file() -> None:
    assert of_kind(ALL, "Secret") == []
    for path in DEPLOY.rglob("*.yaml"):
        assert set(re.findall(r"://[^\s/@]*:([^\s/@]+)@", path.read_text())) <= {"PASSWORD"}, path
