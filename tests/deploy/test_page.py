"""docs/kubernetes.md: its commands name files, objects, settings and values that are there."""

from __future__ import annotations

import re
from typing import Any

import yaml
from deploy.manifests import DEPLOY, KUBERNETES, ROOT, find, load, rendered

PAGE = (ROOT / "docs/kubernetes.md").read_text()
COMMANDS = "\n".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S))
OBJECTS = rendered() + rendered(KUBERNETES / "example")


def test_files_are_there() -> None:
    named = set(re.findall(r"(?<![\w.])(?:\.\./)?(deploy/[\w./-]+)", COMMANDS))
    assert {"deploy/Dockerfile", "deploy/kubernetes", "deploy/helm/gwt"} <= named
    assert [one for one in named if not (ROOT / one).exists()] == []


def test_objects_are_there() -> None:
    kinds = {"deployment": "Deployment", "service": "Service", "configmap": "ConfigMap"}
    named = set(re.findall(rf"\b({'|'.join(kinds)})[ /]([a-z][a-z-]+)", COMMANDS + "\n".join(codes())))
    assert len(named) > 4
    for kind, name in named:
        find(OBJECTS, kinds[kind], name)


def codes() -> list[str]:
    return re.findall(r"`(kubectl [^`]*)`", PAGE)


def test_the_secret_has_what_the_pods_mount() -> None:
    given = set(re.findall(r"--from-literal=([\w-]+)=", COMMANDS))
    text = (KUBERNETES / "config/gateway.yaml").read_text()
    assert given == set(re.findall(r"/run/secrets/gwt/([\w-]+)", text))


def test_the_first_store_is_the_example_s() -> None:
    (host, port) = re.findall(r"store=redis://([\w.-]+):(\d+)/0", COMMANDS)[0]
    (found,) = find(OBJECTS, "Service", host)["spec"]["ports"]
    assert found["port"] == int(port)


def test_values_that_are_set_are_there() -> None:
    values: Any = yaml.safe_load((DEPLOY / "helm/gwt/values.yaml").read_text())
    for path in re.findall(r"--set ([\w.]+)=", COMMANDS):
        value = values
        for key in path.split("."):
            value = value[key]


def test_the_overlay_is_about_the_image_that_is_there() -> None:
    (text,) = re.findall(r"<<'END'\n(.*?)^END$", COMMANDS, re.M | re.S)
    overlay: Any = yaml.safe_load(text)
    assert [one["name"] for one in overlay["images"]] == ["gwt"]
    (base,) = load(KUBERNETES / "kustomization.yaml")
    assert f"{overlay['images'][0]['newName']}:{base['images'][0]['newTag']}" in COMMANDS
