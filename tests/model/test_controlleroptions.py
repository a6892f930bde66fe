"""controller.yaml: defaults, every key, every problem at once, secrets that don't show."""

from __future__ import annotations

import pytest

from gwt.model.controlleroptions import ControllerSettings, KubeConfig, load_controller_settings


def load(text: str, **env: str) -> ControllerSettings:
    settings, problems = load_controller_settings(text, "c.yaml", env)
    assert settings is not None, problems
    return settings


def test_nothing_gives_the_defaults() -> None:
    assert load("") == load("{}") == ControllerSettings(file="c.yaml")


def test_every_key() -> None:
    settings = load(
        "kubernetes: {path: k, context: c}\nstore: redis://h\nnamespaces: [a, b, a]\ntargets: [shop-*]\n"
        "label: x/y\ntls_label: gwt.io/tls=true\ndebounce: {quiet: 10ms, max: 1}\n"
        "lease: {namespace: n, name: m, duration: 15, renew: 10, retry: 3}\n"
        "listen: [tcp:1, unix:/x]\nexternal_name: {allow: [], servers: [10.0.0.10, '[::1]:5353']}\n"
    )
    assert settings.external_name.servers == ("10.0.0.10:53", "[::1]:5353")
    assert settings.kubernetes == KubeConfig("k", "c")
    assert (settings.namespaces, settings.targets, settings.label) == (("a", "b"), ("shop-*",), "x/y")
    assert settings.tls_label == "gwt.io/tls=true"
    assert (settings.debounce.quiet, settings.debounce.max) == (0.01, 1.0)
    assert (settings.lease.namespace, settings.lease.renew, settings.listen) == ("n", 10.0, ("tcp:1", "unix:/x"))
    assert load("kubernetes: in-cluster").kubernetes is None


@pytest.mark.parametrize(
    "text",
    [
        "kubernetes: {path: P, context: C}",
        "kubernetes: {kubeconfig: {path: P, context: C}}",
        "kubeconfig: {path: P, context: C}",
        "kubernetes: in-cluster\nkubeconfig: {path: P, context: C}",
    ],
)
def test_a_kubeconfig_in_every_form(text: str) -> None:
    assert load(text).kubernetes == KubeConfig("P", "C")
    assert load(text.replace("path: P, ", "")).kubernetes == KubeConfig(None, "C")
    assert load(text.replace("path: P, context: C", "")).kubernetes == KubeConfig()


def test_two_kubeconfigs_are_one_too_many() -> None:
    for text, line, column in (
        ("kubeconfig: {path: a}\nkubernetes: {path: b}", 1, 1),
        ("kubernetes: {}\nkubeconfig: {}", 2, 1),
        ("kubernetes: {kubeconfig: {path: a}, path: b}", 1, 37),
    ):
        settings, (problem,) = load_controller_settings(text, "c.yaml", {})
        assert settings is None and (problem.line, problem.column) == (line, column), problem
        assert "kubeconfig" in problem.message


def test_a_password_is_not_shown() -> None:
    settings = load("store: 'redis://:${env:P}@h'", P="hunter2")
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stor: x", "did you mean 'store'?"),
        ("store: 'file:x'", "expected redis://"),
        ("kubernetes: outside", "expected in-cluster"),
        ("kubernetes: {file: x}", "unknown key 'file'"),
        ("kubernetes: {kubeconfig: {file: x}}", "unknown key 'file'"),
        ("kubernetes: {kubeconfig: {kubeconfig: {}}}", "unknown key 'kubeconfig'"),
        ("kubeconfig: {file: x}", "unknown key 'file'"),
        ("kubeconfig: ~/.kube/config", "expected a kube config"),
        ("namespaces: [A_]", "namespace"),
        ("targets: ['a/b']", "expected a namespace"),
        ("label: 'a b'", "expected a label"),
        ("tls_label: 'a b'", "expected a label"),
        ("lease: {duration: 5}", "retry < renew < duration"),
        ("listen: nowhere", "expected an endpoint string"),
        ("external_name: {servers: [dns.example.com]}", "expected the address of a DNS server"),
        ("external_name: {servers: ['10.0.0.1:x']}", "not a port"),
        ("a: [", ""),
        ("- a", "controller.yaml is a mapping"),
        ("a: 1\n---\nb: 1", "one document"),
    ],
)
def test_what_is_wrong(text: str, said: str) -> None:
    settings, problems = load_controller_settings(text, "c.yaml", {})
    assert settings is None
    assert any(said in problem.message for problem in problems), problems
