"""gwt.controller_tap: the options of `twistd gateway-controller`, and where it looks for Kubernetes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gwt import controller_tap
from gwt.configuration import ConfigurationError
from gwt.controller_tap import find_cluster, load
from gwt.kube.config import KubeConfigError
from gwt.model.controlleroptions import ControllerSettings, KubeConfig


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_file_the_defaults_hold() -> None:
    assert load(None) == ControllerSettings()


def test_the_file_in_the_working_directory(here: Path) -> None:
    (here / "controller.yaml").write_text("targets: [a]")
    assert load(None).targets == ("a",)


def test_a_file_that_can_not_be_used(here: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read x\.yaml: No such file"):
        load("x.yaml")
    (here / "x.yaml").write_text("stor: 1\nlabl: 2\n")
    with pytest.raises(ConfigurationError) as caught:
        load("x.yaml")
    assert [line.partition("\n")[0] for line in caught.value.lines] == [
        "x.yaml:1:1: error: unknown key 'stor', did you mean 'store'?",
        "x.yaml:2:1: error: unknown key 'labl', did you mean 'label'?",
    ]


@pytest.mark.parametrize(("text", "status"), [("targets: [a]", 0), ("targets: 5", 1)])
def test_check(here: Path, text: str, status: int) -> None:
    (here / "x.yaml").write_text(text)
    with pytest.raises(SystemExit) as caught:
        controller_tap.Options().parseOptions(["--check", "--config", "x.yaml"])
    assert caught.value.code == status


def test_a_start_that_fails_is_one_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "x.yaml").write_text("stor: 1\nlabl: 2\n")
    with pytest.raises(SystemExit) as caught:
        controller_tap.Options().parseOptions(["--config", "x.yaml"])
    assert caught.value.code == 2
    said = "gwt: x.yaml:1:1: error: unknown key 'stor', did you mean 'store'? (and 1 more: gwt check x.yaml)\n"
    assert capsys.readouterr().err == said


def test_check_tells_all(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "controller.yaml").write_text("store: redis://h/x\nlisten: tcp:x\n")
    with pytest.raises(SystemExit) as caught:
        controller_tap.Options().parseOptions(["--check"])
    assert caught.value.code == 1
    told = capsys.readouterr().out
    assert "controller.yaml:1:8: error: store: " in told
    assert "controller.yaml:2:9: error: listeners.listen: " in told
    (here / "controller.yaml").unlink()
    with pytest.raises(SystemExit) as caught:
        controller_tap.Options().parseOptions(["--check"])
    assert caught.value.code == 0


def config(server: str) -> str:
    return json.dumps({
        "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k"}}],
        "clusters": [{"name": "k", "cluster": {"server": server}}],
    })  # fmt: skip


def test_kubeconfigs(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "etc").mkdir()
    (here / "etc/kube").write_text(config("http://one"))
    (here / "two").write_text(config("http://two"))
    monkeypatch.setenv("KUBECONFIG", f"{here}/two:{here}/etc/kube")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    relative = ControllerSettings(kubernetes=KubeConfig("kube"), file="etc/controller.yaml")
    assert find_cluster(relative).server == "http://one"
    assert find_cluster(ControllerSettings(kubernetes=KubeConfig())).server == "http://two"
    with pytest.raises(KubeConfigError, match="works in a pod only"):
        find_cluster(ControllerSettings())


@pytest.mark.parametrize(
    "text",
    ["kubernetes: {path: kube}", "kubernetes: {kubeconfig: {path: kube}}", "kubeconfig: {path: kube, context: c}"],
)
def test_a_kubeconfig_that_the_file_names(here: Path, text: str) -> None:
    (here / "etc").mkdir()
    (here / "etc/kube").write_text(config("http://one"))
    (here / "etc/controller.yaml").write_text(text)
    assert find_cluster(load("etc/controller.yaml")).server == "http://one"
