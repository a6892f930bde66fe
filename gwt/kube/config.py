"""Where the API of Kubernetes is and who we are there: what a pod is given, or a kubeconfig. Pure but for `read`."""

from __future__ import annotations

import base64
import binascii
import os.path
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from gwt.model.document import read_documents

#: Where a pod finds its own.
ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"

#: Reads a file. Raises OSError.
Read = Callable[[str], bytes]

Object = Mapping[str, Any]


class KubeConfigError(Exception):
    """The API can't be found, or we can't log in there; one line for people, without secrets."""


@dataclass(frozen=True, slots=True, repr=False)
class Cluster:
    """`server` is the URL of the API. Files are read anew when they are needed: `ca_file` at each connection,
    `token_file` each minute and whenever the token is refused. `certificate` and `key` are PEM.
    """

    server: str
    namespace: str = "default"
    ca: bytes | None = None
    ca_file: str | None = None
    insecure: bool = False
    tls_name: str | None = None
    certificate: bytes | None = None
    key: bytes | None = None
    token: str | None = None
    token_file: str | None = None
    login: tuple[str, str] | None = None

    def __repr__(self) -> str:
        return f"Kubernetes at {self.server}"


def in_cluster(env: Mapping[str, str], read: Read) -> Cluster:
    """What a pod is given. Raises KubeConfigError."""
    host, port = env.get("KUBERNETES_SERVICE_HOST"), env.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise KubeConfigError(
            "kubernetes: in-cluster works in a pod only (KUBERNETES_SERVICE_HOST is not set); elsewhere write"
            " kubernetes: {kubeconfig: {path: ~/.kube/config}}"
        )
    token, ca = f"{ACCOUNT}/token", f"{ACCOUNT}/ca.crt"
    for path in (token, ca):
        _read(read, path, "the pod needs its service account: automountServiceAccountToken: true")
    namespace = _read(read, f"{ACCOUNT}/namespace", "the pod needs its service account").decode().strip()
    bracketed = f"[{host}]" if ":" in host else host
    return Cluster(f"https://{bracketed}:{port}", namespace or "default", ca_file=ca, token_file=token)


def kubeconfig(paths: Iterable[str], context: str | None, read: Read) -> Cluster:
    """What the files say, of two the first; `context` None: the current one. Raises KubeConfigError."""
    merged = _Merged()
    for path in paths:
        merged.add(path, _document(path, read))
    wanted = context or merged.current
    if not wanted:
        raise KubeConfigError(
            f"{merged.files}: there is no current-context; name one: kubernetes: {{kubeconfig: {{context: ...}}}}"
        )
    chosen, folder = merged.find("contexts", "context", wanted)
    cluster, cluster_folder = merged.find("clusters", "cluster", _text(chosen, "cluster") or "")
    user_name = _text(chosen, "user")
    user, folder = merged.find("users", "user", user_name) if user_name else ({}, folder)
    return _cluster(cluster, cluster_folder, user, folder, _text(chosen, "namespace") or "default", read)


class _Merged:
    """Several kubeconfigs as one."""

    def __init__(self) -> None:
        self._named: dict[tuple[str, str], tuple[Object, str]] = {}
        self._files: list[str] = []
        self.current: str | None = None

    @property
    def files(self) -> str:
        return ", ".join(self._files)

    def add(self, path: str, value: Object) -> None:
        self._files.append(path)
        self.current = self.current or _text(value, "current-context")
        for kind, inner in (("contexts", "context"), ("clusters", "cluster"), ("users", "user")):
            for item in value.get(kind) or ():
                if isinstance(item, Mapping) and isinstance(item.get(inner), Mapping):
                    name = str(item.get("name"))
                    self._named.setdefault((kind, name), (item[inner], os.path.dirname(path)))

    def find(self, kind: str, what: str, name: str) -> tuple[Object, str]:
        """The entry and the folder of its file."""
        if (kind, name) not in self._named:
            known = ", ".join(sorted(known for one, known in self._named if one == kind)) or "none"
            raise KubeConfigError(f"{self.files}: there is no {what} {name!r}; there are: {known}")
        return self._named[kind, name]


def _cluster(cluster: Object, cluster_folder: str, user: Object, folder: str, namespace: str, read: Read) -> Cluster:
    server = _text(cluster, "server") or ""
    if urlsplit(server).scheme not in ("http", "https") or not urlsplit(server).hostname:
        raise KubeConfigError(f"the kubeconfig's server is no http(s) URL: {server!r}")
    if cluster.get("proxy-url"):
        raise KubeConfigError("proxy-url of a kubeconfig is not supported: let the controller reach the API directly")
    for refused in ("exec", "auth-provider"):
        if user.get(refused):
            raise KubeConfigError(
                f"the kubeconfig logs in by {refused}, which is not supported: use a token, tokenFile or a client"
                " certificate (kubectl create token NAME makes one)"
            )
    certificate, _ = _data(user, "client-certificate", folder, read)
    key, _ = _data(user, "client-key", folder, read)
    if (certificate is None) != (key is None):
        raise KubeConfigError("the kubeconfig needs both client-certificate and client-key")
    ca, ca_file = _data(cluster, "certificate-authority", cluster_folder, read)
    token_file = _text(user, "tokenFile")
    login = (str(user["username"]), str(user.get("password") or "")) if user.get("username") else None
    return Cluster(
        server.rstrip("/"), namespace, ca, ca_file, cluster.get("insecure-skip-tls-verify") is True,
        _text(cluster, "tls-server-name"), certificate, key, _text(user, "token"),
        os.path.join(folder, token_file) if token_file else None, login,
    )  # fmt: skip


def _data(value: Object, name: str, folder: str, read: Read) -> tuple[bytes | None, str | None]:
    """What `NAME-data` holds, or the file `NAME` and its path."""
    encoded, path = _text(value, f"{name}-data"), _text(value, name)
    if encoded:
        try:
            return base64.b64decode(encoded, validate=True), None
        except (binascii.Error, ValueError):
            raise KubeConfigError(f"{name}-data of the kubeconfig is no base64") from None
    if path:
        full = os.path.join(folder, path)
        return _read(read, full, f"it is {name} of the kubeconfig"), full
    return None, None


def _document(path: str, read: Read) -> Object:
    text = _read(read, path, "it is the kubeconfig").decode("utf-8", "replace")
    documents = list(read_documents(text, path))
    if len(documents) != 1 or documents[0].problems or not isinstance(documents[0].value, Mapping):
        raise KubeConfigError(f"{path}: this is no kubeconfig")
    return documents[0].value


def _text(value: Object, name: str) -> str | None:
    found = value.get(name)
    return found if isinstance(found, str) and found else None


def _read(read: Read, path: str, why: str) -> bytes:
    try:
        return read(path)
    except OSError as error:
        raise KubeConfigError(f"cannot read {path}: {error.strerror or error} ({why})") from None
