"""Resource: a kind of object in the API, of all namespaces or of one, and how it is listed and watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

#: Objects of a page of a list: some 10 ms to read.
PAGE: Final = 32


@dataclass(frozen=True, slots=True)
class Resource:
    """`base` is `/api/v1` or `/apis/GROUP/VERSION`; `namespace` None: all of them; `label` selects."""

    kind: str
    base: str
    plural: str
    namespace: str | None = None
    label: str | None = None

    @property
    def path(self) -> str:
        """Where it is listed and watched."""
        inside = f"/namespaces/{self.namespace}" if self.namespace else ""
        return f"{self.base}{inside}/{self.plural}"

    def __str__(self) -> str:
        return f"{self.plural} in {self.namespace}" if self.namespace else self.plural

    def _query(self, **more: str) -> str:
        selected = {"labelSelector": self.label, **more} if self.label else more
        return f"{self.path}?{urlencode(selected)}"

    def list_page(self, token: str, limit: int = PAGE) -> str:
        """One page of what there is now; `token` continues a list, "" begins one."""
        more = {"continue": token} if token else {}
        return self._query(limit=str(limit), **more) if limit else self._query()

    def only(self, key: str) -> str:
        """The list of a single object, namespace/name."""
        namespace, _, name = key.rpartition("/")
        fields = f"metadata.name={name}" + (f",metadata.namespace={namespace}" if namespace else "")
        return self._query(limit="1", fieldSelector=fields)

    def watch(self, rev: str, seconds: int, name: str | None = None) -> str:
        """What changes after `rev`, for so many seconds; `name`: of this object only."""
        more = {} if name is None else {"fieldSelector": f"metadata.name={name}"}
        return self._query(
            watch="1", allowWatchBookmarks="true", timeoutSeconds=str(seconds), resourceVersion=rev, **more
        )

    def stream(self, seconds: int) -> str:
        """What there is now, a bookmark, then what changes."""
        return self._query(
            watch="1", allowWatchBookmarks="true", timeoutSeconds=str(seconds), sendInitialEvents="true",
            resourceVersionMatch="NotOlderThan",
        )  # fmt: skip


SERVICES: Final = Resource("Service", "/api/v1", "services")
SLICES: Final = Resource("EndpointSlice", "/apis/discovery.k8s.io/v1", "endpointslices")
#: Where slices are not served (Kubernetes before 1.21).
ENDPOINTS: Final = Resource("Endpoints", "/api/v1", "endpoints")


def secrets(namespace: str, label: str) -> Resource:
    """The Secrets of a namespace that carry certificates."""
    return Resource("Secret", "/api/v1", "secrets", namespace, label)


def leases(namespace: str) -> Resource:
    """The Leases of a namespace."""
    return Resource("Lease", "/apis/coordination.k8s.io/v1", "leases", namespace)


def config_maps(namespace: str, label: str) -> Resource:
    """The ConfigMaps of a namespace that carry Routes."""
    return Resource("ConfigMap", "/api/v1", "configmaps", namespace, label)
