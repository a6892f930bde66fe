"""deploy/helm/gwt: values, schema and templates agree; where there is a helm, it makes what the manifests are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from deploy.manifests import DEPLOY, KUBERNETES, ROOT, Object, containers, find, of_kind, pod, rendered, selects
from deploy.rules import Right, granted
from deploy.validation import RELEASES, problem_of

import gwt
from gwt.model.controlleroptions import ControllerSettings, load_controller_settings
from gwt.model.settings import load_settings

CHART = DEPLOY / "helm/gwt"
TEMPLATES = sorted((CHART / "templates").rglob("*.*"))
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
META = yaml.safe_load((CHART / "Chart.yaml").read_text())

_ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.S)
_VALUE = re.compile(r"(\.Values|\$gateway|\$controller|\$service|\$budget|\.part)\.([A-Za-z.]+)")

#: What stands for values in templates, besides .Values.
PLACES = {
    ".Values": [()],
    "$gateway": [("gateway",)],
    "$controller": [("controller",)],
    "$service": [("gateway", "service")],
    "$budget": [("gateway", "podDisruptionBudget"), ("controller", "podDisruptionBudget")],
    ".part": [("gateway",), ("controller",)],
}
#: Actions that give a value another name, or only watch it.
PASSES = re.compile(r"\$\w+ :?= (\.Values|dict|set)|sha256sum|\"part\"")


def actions(path: Path) -> list[str]:
    return [one for one in _ACTION.findall(path.read_text()) if not one.startswith("/*")]


def used() -> set[tuple[str, ...]]:
    """Paths of values that templates use."""
    found = set()
    for path in TEMPLATES:
        for action in actions(path):
            for name, rest in [] if PASSES.search(action) else _VALUE.findall(action):
                found |= {(*place, *rest.split(".")) for place in PLACES[name]}
    return found


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    else:
        yield path


def at(path: tuple[str, ...]) -> Any:
    value = VALUES
    for key in path:
        value = value[key]
    return value


def test_the_chart_is_of_this_release() -> None:
    assert (META["apiVersion"], META["name"], META["appVersion"]) == ("v2", "gwt", gwt.__version__)
    (oldest,) = re.findall(r"^>=(\d+\.\d+)\.0-0$", META["kubeVersion"])
    assert f"Kubernetes {oldest} or newer." in (ROOT / "docs/kubernetes.md").read_text()


@pytest.mark.parametrize("path", sorted(used()), ids=".".join)
def test_a_value_that_is_used_has_a_default(path: tuple[str, ...]) -> None:
    at(path)


@pytest.mark.parametrize("path", sorted(leaves(VALUES)), ids=".".join)
def test_a_value_that_can_be_set_is_used(path: tuple[str, ...]) -> None:
    assert any(path[: len(one)] == one for one in used())


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda one: one.name)
def test_actions_are_balanced(path: Path) -> None:
    assert "{{" not in _ACTION.sub("", path.read_text())
    depth = 0
    for action in actions(path):
        word = action.split()[0]
        depth += word in ("if", "with", "range", "define", "block")
        assert depth > 0 or word not in ("else", "end"), action
        depth -= word == "end"
    assert depth == 0


def test_what_is_included_is_defined_and_used() -> None:
    text = "\n".join(path.read_text() for path in TEMPLATES)
    assert set(re.findall(r'include "(gwt\.\w+)"', text)) == set(re.findall(r'define "(gwt\.\w+)"', text))


# -- the schema


def errors(values: Any) -> list[str]:
    return [one.message for one in jsonschema.Draft7Validator(SCHEMA).iter_errors(values)]


def test_the_defaults_are_as_the_schema_says() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert errors(VALUES) == []


def test_the_schema_has_every_value_and_no_other() -> None:
    def keys(schema: Any, value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], set[str]]]:
        if "$ref" in schema:
            schema = SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]]
        if schema.get("additionalProperties") is False:
            yield path, set(schema["properties"]) ^ set(value)
            for key in value:
                yield from keys(schema["properties"].get(key, {}), value[key], (*path, key))

    found = dict(keys(SCHEMA, VALUES))
    assert {path: other for path, other in found.items() if other} == {(): {"global"}}  # helm's own
    assert len(found) > 10


@pytest.mark.parametrize(
    "wrong",
    [
        {"gatway": {}},
        {"gateway": {"replics": 3}},
        {"gateway": {"settings": {"store": "file:."}}},
        {"gateway": {"settings": {"admin_token": "x"}}},
        {"gateway": {"service": {"nodePort": 70000}}},
        {"gateway": {"service": {"type": "Nodeport"}}},
        {"controller": {"namespaces": ["a/b"]}},
        {"controller": {"tlsLabel": "a b"}},
        {"controller": {"settings": {"tls_label": "gwt.io/tls=true"}}},
        {"controller": {"settings": {"lease": {}}}},
        {"store": {"url": "http://redis"}},
    ],
    ids=json.dumps,
)
def test_what_is_wrong_is_refused(wrong: Any) -> None:
    assert errors(wrong)


# -- the settings


@pytest.mark.parametrize("name", ["gateway", "controller"])
def test_settings_load(name: str) -> None:
    read = load_settings if name == "gateway" else load_controller_settings
    settings, problems = read(json.dumps(VALUES[name]["settings"]), "", {})
    assert settings is not None and problems == []


def test_the_gateway_has_time_to_end() -> None:
    gateway = VALUES["gateway"]
    whole = gateway["preStopSleep"] + gateway["settings"]["drain_delay"] + gateway["settings"]["drain"]
    assert gateway["terminationGracePeriodSeconds"] >= whole + 10


def test_the_controller_s_defaults_are_its_own() -> None:
    own, given = ControllerSettings(), VALUES["controller"]
    assert (list(own.targets), own.label) == (given["targets"], given["label"])
    assert {key: getattr(own.lease, key) for key in given["lease"]} == given["lease"]


# -- what helm makes of it

helm = pytest.mark.skipif(shutil.which("helm") is None, reason="there is no helm here")
REDIS = "store.url=redis://:secret@redis:6379/0"
AFFINITY = (
    "gateway.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
    ".nodeSelectorTerms[0].matchExpressions[0]"
)
ALL = "admissionPolicy.enabled=true,serviceMonitor.enabled=true,prometheusRule.enabled=true"


def helm_template(*sets: str) -> subprocess.CompletedProcess[str]:
    options = [word for one in (REDIS, *sets) for word in ("--set", one)]
    command = ["helm", "template", "gwt", str(CHART), "--namespace", "gwt", "--kube-version", f"{RELEASES[0]}.0"]
    return subprocess.run([*command, *options], capture_output=True, text=True, timeout=60)


@cache
def template(*sets: str) -> list[Object]:
    done = helm_template(*sets)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


@helm
@pytest.mark.parametrize(
    "sets",
    [
        (),
        (ALL,),
        ("controller.enabled=false", "networkPolicy.enabled=false", ALL),
        ("gateway.service.type=LoadBalancer", "gateway.service.loadBalancerSourceRanges={10.0.0.0/8}"),
        ("gateway.service.type=ClusterIP", "store.existingSecret=a", "tokens.existingSecret=b"),
        ("gateway.service.nodePort=null", "controller.label=x/y", "admissionPolicy.enabled=true"),
        (
            "imagePullSecrets[0].name=a", "gateway.nodeSelector.a=b", "gateway.tolerations[0].key=a",
            "gateway.extraEnv[0].name=A", "gateway.priorityClassName=p", "controller.podAnnotations.a=b",
            "gateway.podLabels.a=b", "serviceAccounts.gateway.annotations.a=b", "gateway.service.annotations.a=b",
            f"{AFFINITY}.key=a", f"{AFFINITY}.operator=Exists", "controller.extraVolumes[0].name=v",
            "controller.extraVolumeMounts[0].name=v", "controller.extraVolumeMounts[0].mountPath=/v",
        ),
    ],
)  # fmt: skip
def test_the_api_server_takes_what_helm_makes(sets: tuple[str, ...]) -> None:
    objects = template(*sets)
    assert [found for one in objects for release in RELEASES if (found := problem_of(one, release))] == []
    for service in of_kind(objects, "Service"):
        assert len([one for one in of_kind(objects, "Deployment") if selects(service["spec"]["selector"], one)]) == 1
    secret = [one["data"].keys() for one in of_kind(objects, "Secret")]
    assert secret == ([] if "tokens.existingSecret=b" in sets else [{"store", "admin-token", "metrics-token"}])


@helm
@pytest.mark.parametrize("name", ["gwt-gateway", "gwt-controller"])
def test_helm_s_pods_are_those_of_the_manifests(name: str) -> None:
    theirs, ours = (find(one, "Deployment", name) for one in (template(), rendered()))
    assert theirs["spec"]["strategy"] == ours["spec"]["strategy"]
    assert theirs["spec"]["replicas"] == ours["spec"]["replicas"]
    (one,), (other,) = containers(theirs), containers(ours)
    assert {**one, "imagePullPolicy": None} == {**other, "imagePullPolicy": None}
    alike = pod(ours).keys() - {"containers", "volumes", "topologySpreadConstraints"}
    assert {key: pod(theirs)[key] for key in alike} == {key: pod(ours)[key] for key in alike}


@helm
def test_helm_s_roles_are_those_of_the_manifests() -> None:
    assert granted(template(), "gwt-controller") == granted(rendered(), "gwt-controller")
    several = granted(template("controller.namespaces={shop,web}"), "gwt-controller")
    assert {one.namespace for one in several if one.resource == "configmaps"} == {"shop", "web"}
    assert Right("create", "coordination.k8s.io", "leases", "gwt") in several
    asked = template("controller.namespaces={shop,web}", "controller.tlsLabel=gwt.io/tls=true")
    reads = {one for one in granted(asked, "gwt-controller") - several if one.resource == "secrets"}
    assert reads == {Right(verb, "", "secrets", place) for verb in ("list", "watch") for place in ("shop", "web")}


@helm
def test_helm_s_settings_are_those_of_the_manifests() -> None:
    for name, read in (("gateway", load_settings), ("controller", load_controller_settings)):
        found = []
        for objects in (template(), rendered()):
            text = find(objects, "ConfigMap", f"gwt-{name}")["data"][f"{name}.yaml"]
            settings, problems = read(text, "", {}, lambda path: f"redis://{Path(path).name}")
            assert settings is not None and problems == []
            found.append(settings)
        assert getattr(found[0], "namespaces", ()) in ((), ("gwt",))
        for key in ("listeners", "listen", "store", "drain", "drain_delay", "targets", "label", "lease"):
            assert getattr(found[0], key, None) == getattr(found[1], key, None)


@helm
def test_helm_s_policy_is_that_of_the_manifests() -> None:
    theirs = of_kind(template(ALL), "ValidatingAdmissionPolicy")[0]["spec"]
    assert theirs == of_kind(rendered(KUBERNETES / "admission"), "ValidatingAdmissionPolicy")[0]["spec"]


@helm
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("store.url=", "set store.url (redis://...), or store.existingSecret"),
        ("gateway.settings.drain=90s", "must be above preStopSleep, drain_delay and drain together, 100"),
        ("gateway.terminationGracePeriodSeconds=40", "must be above preStopSleep, drain_delay and drain together, 40"),
    ],
)
def test_helm_says_what_is_wrong(given: str, told: str) -> None:
    done = helm_template(given)
    assert done.returncode != 0
    assert told in done.stderr
