"""Where the API is: what a pod is given, kubeconfigs, and what is said where either can't be used."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from gwt.kube.config import ACCOUNT, KubeConfigError, in_cluster, kubeconfig

POD = {f"{ACCOUNT}/token": b"t", f"{ACCOUNT}/ca.crt": b"PEM", f"{ACCOUNT}/namespace": b"mine\n"}
ENV = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def files(**found: Any) -> Any:
    """A reader of /dir/NAME."""
    held = {
        f"/dir/{name}": text if isinstance(text, bytes) else json.dumps(text).encode() for name, text in found.items()
    }

    def read(path: str) -> bytes:
        if path not in held:
            raise FileNotFoundError(2, "No such file or directory")
        return held[path]

    return read


def config(user: dict[str, Any] | None = None, **cluster: Any) -> dict[str, Any]:
    return {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "ns"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://k:6443/", **cluster}}],
        "users": [{"name": "u", "user": user or {"token": "secret"}}],
    }


def test_a_pod() -> None:
    found = in_cluster(ENV, POD.__getitem__)
    assert (found.server, found.namespace, found.token_file) == ("https://10.0.0.1:443", "mine", f"{ACCOUNT}/token")
    assert in_cluster({**ENV, "KUBERNETES_SERVICE_HOST": "fd00::1"}, POD.__getitem__).server == "https://[fd00::1]:443"


def test_no_pod() -> None:
    with pytest.raises(KubeConfigError, match="works in a pod only"):
        in_cluster({}, POD.__getitem__)
    with pytest.raises(KubeConfigError, match="automountServiceAccountToken"):
        in_cluster(ENV, files())


def test_paths_are_relative_to_the_file() -> None:
    user = {"client-certificate": "own.pem", "client-key": "own.key", "tokenFile": "token"}
    read = files(config=config(user, **{"certificate-authority": "ca.pem"}), **{
        "own.pem": b"CERT", "own.key": b"KEY", "ca.pem": b"CA"})  # fmt: skip
    found = kubeconfig(["/dir/config"], None, read)
    assert (found.server, found.namespace) == ("https://k:6443", "ns")
    assert (found.certificate, found.key, found.ca_file) == (b"CERT", b"KEY", "/dir/ca.pem")
    assert found.token_file == "/dir/token"


def test_data_in_the_file_itself() -> None:
    ca = base64.b64encode(b"CA").decode()
    found = kubeconfig(["/dir/config"], "c", files(config=config(**{"certificate-authority-data": ca})))
    assert (found.ca, found.ca_file, found.token) == (b"CA", None, "secret")
    assert "secret" not in repr(found)


def test_of_several_files_the_first_counts() -> None:
    other = config({"token": "other"})
    other["contexts"].append({"name": "d", "context": {"cluster": "k"}})
    read = files(one=config(), two=other)
    assert kubeconfig(["/dir/one", "/dir/two"], None, read).token == "secret"
    assert kubeconfig(["/dir/one", "/dir/two"], "d", read).token is None


@pytest.mark.parametrize(
    ("user", "cluster", "said"),
    [
        ({"exec": {"command": "aws"}}, {}, "logs in by exec, which is not supported: use a token"),
        ({"auth-provider": {"name": "gcp"}}, {}, "auth-provider"),
        ({"client-certificate-data": "QQ=="}, {}, "both client-certificate and client-key"),
        ({"client-key-data": "?"}, {}, "no base64"),
        ({}, {"server": "k:6443"}, "no http"),
        ({}, {"proxy-url": "http://p"}, "proxy-url"),
        ({}, {"certificate-authority": "gone"}, "cannot read /dir/gone"),
    ],
)
def test_what_can_not_be_used(user: dict[str, Any], cluster: dict[str, Any], said: str) -> None:
    with pytest.raises(KubeConfigError, match=said):
        kubeconfig(["/dir/config"], None, files(config=config(user, **cluster)))


def test_what_is_not_there() -> None:
    with pytest.raises(KubeConfigError, match="no context 'x'; there are: c"):
        kubeconfig(["/dir/config"], "x", files(config=config()))
    with pytest.raises(KubeConfigError, match="no current-context"):
        kubeconfig(["/dir/config"], None, files(config={}))
    with pytest.raises(KubeConfigError, match="this is no kubeconfig"):
        kubeconfig(["/dir/config"], None, files(config=b"[: x"))
