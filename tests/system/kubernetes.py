"""A real kube-apiserver for tests, over an etcd of its own, on free ports of loopback.

    with KubeServer() as api:
        api.put("services", service("gwt/s"))

`GWT_KUBE_APISERVER` says where the program is; where it isn't set there is none. It comes with the server archive of a
Kubernetes release (kubernetes-server-linux-amd64.tar.gz, in kubernetes/server/bin), or with the binaries that
`setup-envtest use -p path` of sigs.k8s.io/controller-runtime brings. Its etcd is the one in the same folder, else that
of the other tests; before 3.5.13 it lets an API server stream no lists. Kubernetes 1.36 has been tried.

The controller is here who it is in a cluster: what deploy/kubernetes lets it do is applied, its token is one of that
account. The API server stores no endpoints with loopback addresses.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import ssl
from base64 import b64encode
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from kube.apiserver import KINDS, PREFIXES
from system.authority import Authority, person
from system.etcd import EtcdServer
from system.harness import PATIENCE, free_port, poll
from system.server import Server

PROGRAM = os.environ.get("GWT_KUBE_APISERVER", "")
DEPLOY = Path(__file__).parents[2] / "deploy" / "kubernetes"

#: Who may do everything.
ADMIN = "the-admin-s-token"
NAMESPACES = ("gwt", "n", "shop")

_CORE = {"namespaces": "Namespace", "serviceaccounts": "ServiceAccount"}
_RBAC = {
    "clusterroles": "ClusterRole", "clusterrolebindings": "ClusterRoleBinding", "roles": "Role",
    "rolebindings": "RoleBinding",
}  # fmt: skip
_ADMISSION = {
    "validatingadmissionpolicies": "ValidatingAdmissionPolicy",
    "validatingadmissionpolicybindings": "ValidatingAdmissionPolicyBinding",
}
_KINDS = {**KINDS, **_CORE, **_RBAC, **_ADMISSION}
_BASES = {
    **PREFIXES, **dict.fromkeys(_CORE, "/api/v1"), **dict.fromkeys(_RBAC, "/apis/rbac.authorization.k8s.io/v1"),
    **dict.fromkeys(_ADMISSION, "/apis/admissionregistration.k8s.io/v1"),
}  # fmt: skip
_PLURALS = {kind: plural for plural, kind in _KINDS.items()}

Object = dict[str, Any]


class KubeServer(Server):
    """`options` are more arguments of kube-apiserver. Ports and data stay the same when it is stopped and started."""

    def __init__(self, *options: str) -> None:
        super().__init__("kube")
        self.port, self._options = free_port(), options
        self.authority = Authority(self.directory)
        names = (x509.DNSName("api.example.com"), x509.IPAddress(ip_address("127.0.0.1")))
        self.authority.issue("server", person("kube-apiserver"), names)
        self.authority.issue("account", person("accounts"))
        (self.directory / "tokens.csv").write_text(f'{ADMIN},admin,1,"system:masters"\n')
        beside = Path(PROGRAM).with_name("etcd")
        self.etcd = EtcdServer(str(beside) if beside.exists() else None)
        self.token = ""

    # -- life

    def _command(self) -> list[str]:
        place = self.directory
        return [
            PROGRAM, f"--etcd-servers=http://127.0.0.1:{self.etcd.port}", "--bind-address=127.0.0.1",
            f"--secure-port={self.port}", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
            f"--tls-cert-file={place}/server.pem", f"--tls-private-key-file={place}/server.key",
            f"--client-ca-file={place}/ca.pem", f"--token-auth-file={place}/tokens.csv", f"--cert-dir={place}",
            "--authorization-mode=RBAC", "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={place}/account.pem",
            f"--service-account-signing-key-file={place}/account.key",
            "--service-cluster-ip-range=10.96.0.0/14,fd00:96::/108", *self._options,
        ]  # fmt: skip

    def start(self) -> None:
        """Until it answers, with all that a controller needs in place."""
        if self.etcd.popen is None:
            self.etcd.start()
        self.serve()
        for name in NAMESPACES:
            self.put("namespaces", {"metadata": {"name": name}})
        for file in ("rbac.yaml", "admission/policy.yaml"):
            for value in yaml.safe_load_all((DEPLOY / file).read_text()):
                self.put(_PLURALS[value["kind"]], value)
        self.token = self.token or self.new_token()

    def serve(self) -> None:
        """Start the API server alone, until it answers."""
        with (self.directory / "log").open("ab") as log:
            self.spawn(self._command(), log)
        poll(self._answers, timeout=2 * PATIENCE, step=0.1)

    def _answers(self) -> bool:
        assert self.popen is not None and self.popen.poll() is None, (self.directory / "log").read_text()[-2000:]
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def stop(self) -> None:
        """End both at once."""
        self.kill()
        self.etcd.stop()

    def keep(self) -> Path:
        """A copy of all data, for `restore`. Nothing answers while it is made."""
        self.stop()
        copy = Path(shutil.copytree(self.etcd.directory, self.directory / "copy"))
        self.etcd.start()
        self.serve()
        return copy

    def restore(self, copy: Path) -> None:
        """Go back to the data of a copy: revisions that were given out are given out once more."""
        self.stop()
        shutil.rmtree(self.etcd.directory)
        shutil.copytree(copy, self.etcd.directory)
        self.etcd.start()
        self.serve()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        shutil.rmtree(self.etcd.directory, ignore_errors=True)

    # -- objects

    def ask(
        self, method: str, path: str, body: Any = None, kind: str = "application/json", token: str = ADMIN
    ) -> tuple[int, Object]:
        """Status and body of the answer."""
        context = ssl.create_default_context(cadata=self.authority.ca.decode())
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=context)
        try:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
            connection.request(method, path, None if body is None else json.dumps(body).encode(), headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        is_json = (response.getheader("Content-Type") or "").startswith("application/json")
        return response.status, json.loads(text) if is_json else {"text": text.decode()}

    def done(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Object:
        """The body of an answer that has to be good."""
        status, value = self.ask(method, path, body, kind)
        assert status < 300, (method, path, status, value.get("message"))
        return value

    def put(self, plural: str, value: Mapping[str, Any]) -> Object:
        """Create or replace an object, as `kubectl apply --server-side` does."""
        base, metadata = _BASES[plural], value["metadata"]
        kind = {"apiVersion": base.removeprefix("/apis/").removeprefix("/api/"), "kind": _KINDS[plural]}
        path = path_of(plural, metadata.get("namespace"), metadata["name"])
        query = "?fieldManager=tests&force=true"
        return self.done("PATCH", path + query, {**value, **kind}, "application/apply-patch+yaml")

    def get(self, plural: str, key: str) -> Object | None:
        status, value = self.ask("GET", path_of(plural, *key.split("/")))
        return value if status == 200 else None

    def items(self, plural: str, namespace: str | None = None) -> list[Object]:
        return list(self.done("GET", path_of(plural, namespace))["items"])

    def delete(self, plural: str, key: str) -> None:
        self.done("DELETE", path_of(plural, *key.split("/")))

    def clear(self) -> None:
        """No objects are left that tests have made."""
        for namespace in NAMESPACES:
            for plural in ("services", "endpointslices", "configmaps", "leases", "events"):
                self.done("DELETE", path_of(plural, namespace))

    # -- who a controller is

    def new_token(self, seconds: int = 3600) -> str:
        """A token of the controller's ServiceAccount."""
        path = f"{path_of('serviceaccounts', 'gwt', 'gwt-controller')}/token"
        return str(self.done("POST", path, {"spec": {"expirationSeconds": seconds}})["status"]["token"])

    def kubeconfig(self) -> Object:
        """The controller's."""
        cluster = {
            "server": f"https://127.0.0.1:{self.port}",
            "certificate-authority-data": b64encode(self.authority.ca).decode(),
        }
        return {
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "gwt"}}],
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": self.token}}],
        }


def path_of(plural: str, namespace: str | None = None, name: str | None = None) -> str:
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"{_BASES[plural]}{inside}/{plural}" + (f"/{name}" if name else "")
