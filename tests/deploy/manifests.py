"""The manifests of deploy/ as objects: what `kubectl kustomize` makes of them, as far as they use kustomize."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"

#: Directories with a kustomization.yaml.
KUSTOMIZATIONS = [KUBERNETES, *(KUBERNETES / name for name in ("admission", "certificates", "monitoring", "example"))]

Object = dict[str, Any]


def load(path: Path) -> list[Object]:
    """The objects of a file."""
    return [one for one in yaml.safe_load_all(path.read_text()) if one is not None]


def rendered(directory: Path = KUBERNETES) -> list[Object]:
    """The objects of a kustomization; the names of ConfigMaps that it makes have no hash here."""
    (kustomization,) = load(directory / "kustomization.yaml")
    understood = {"apiVersion", "kind", "resources", "configMapGenerator", "generatorOptions", "images"}
    assert kustomization.keys() <= understood
    objects = [one for name in kustomization["resources"] for one in load(directory / name)]
    for made in kustomization.get("configMapGenerator", ()):
        data = {Path(name).name: (directory / name).read_text() for name in made["files"]}
        metadata = {"name": made["name"], "namespace": made["namespace"], **kustomization["generatorOptions"]}
        objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    tags = {one["name"]: one["newTag"] for one in kustomization.get("images", ())}
    for container in (one for workload in of_kind(objects, "Deployment") for one in containers(workload)):
        if container["image"] in tags:
            container["image"] += f":{tags[container['image']]}"
    return objects


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    return [one for one in objects if one["kind"] == kind]


def find(objects: list[Object], kind: str, name: str) -> Object:
    (found,) = [one for one in of_kind(objects, kind) if one["metadata"]["name"] == name]
    return found


def pod(workload: Object) -> Object:
    """The pod's spec."""
    spec: Object = workload["spec"]["template"]["spec"]
    return spec


def containers(workload: Object) -> list[Object]:
    found: list[Object] = pod(workload)["containers"]
    return found


def selects(selector: dict[str, str], workload: Object) -> bool:
    labels = workload["spec"]["template"]["metadata"]["labels"]
    return bool(selector) and selector.items() <= labels.items()


def ports(container: Object) -> dict[str, int]:
    """Name -> number."""
    return {port["name"]: port["containerPort"] for port in container.get("ports", ())}


def probes(container: Object) -> Iterator[tuple[str, Object]]:
    """Kind of probe -> what is asked."""
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        if "httpGet" in container.get(kind, {}):
            yield kind, container[kind]["httpGet"]
