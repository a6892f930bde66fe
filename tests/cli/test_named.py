"""gwt.cli.named: what ends a start is found before it, at its place in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from gwt.cli.named import controller_problems, gateway_problems
from gwt.model.problem import place

OBJECTIONS = {
    'listeners: {admin: "tcp:0"}': ("g.yaml:1:20", "can be reached from other machines: that needs an admin_token"),
    "listeners:\n  proxy: [tcp:0, tcp:abc]": ("g.yaml:2:18", "listeners.proxy: 'tcp:abc' is no endpoint"),
    "listeners: {stream: {db: tcp:x}}": ("g.yaml:1:26", "listeners.stream.db: 'tcp:x' is no endpoint"),
    "drain: 5\nadmin_token: changeme": ("g.yaml:2:14", "admin_token is an example that everybody knows"),
    "access_log: {path: gone/log}": ("g.yaml:1:20", "access_log.path: cannot open gone/log: No such file or directory"),
    "access_log: {path: .}": ("g.yaml:1:20", "Is a directory"),
    "tls:\n  certificates:\n  - {cert: a.crt, key: a.key}": ("g.yaml:3:5", "tls.certificates: a.crt: can't be read"),
    "tls: {upstream: {ca: no.pem}}": ("g.yaml:1:22", "tls.upstream.ca: no.pem: can't be read"),
    "tls: {upstream: {cert: a, key: b}}": ("g.yaml:1:24", "tls.upstream: a: can't be read"),
    "plugin_path: [., gone]": ("g.yaml:1:18", "gone is no plugin: plugin_path can't be read"),
    "plugin_path: [gone, .]": ("g.yaml:1:15", "gone is no plugin: plugin_path can't be read"),
    "resources:\n  x: a.b:c": ("g.yaml:2:6", "resources.x: a.b:c: ModuleNotFoundError"),
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("text", OBJECTIONS)
def test_what_a_gateway_yaml_names_and_cannot_be_used(text: str, here: Path) -> None:
    where, said = OBJECTIONS[text]
    settings, (problem,) = gateway_problems(text, "g.yaml")
    assert settings is not None
    assert place(problem) == where
    assert said in problem.message
    assert problem.text
    assert "changeme" not in problem.text
    assert list(here.iterdir()) == []


def test_what_a_controller_yaml_names_and_cannot_be_used() -> None:
    first, second = controller_problems("store: etcd://\nlisten: tcp:x\n", "c.yaml")
    assert [place(first), place(second)] == ["c.yaml:1:8", "c.yaml:2:9"]
    assert "'tcp:x' is no endpoint" in second.message
    assert controller_problems("{}", "c.yaml") == []


def test_what_cannot_be_read_is_all_that_is_told() -> None:
    assert gateway_problems("drain: soon\nadmin_token: changeme\n", "g.yaml")[0] is None
    assert [place(one) for one in controller_problems("lease: 5", "c.yaml")] == ["c.yaml:1:8"]
