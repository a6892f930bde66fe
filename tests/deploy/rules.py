"""RBAC as sets: what Roles grant to an account, and what requests ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from deploy.manifests import Object, find, of_kind

_PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/v1)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<resource>[^/]+)(?:/(?P<name>[^/]+))?"
)
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Right(NamedTuple):
    """`namespace` None: all of them; `name` None: whatever it is called."""

    verb: str
    group: str
    resource: str
    namespace: str | None
    name: str | None = None


def granted(objects: list[Object], account: str) -> set[Right]:
    """What the ServiceAccount may do."""
    found: set[Right] = set()
    for binding in of_kind(objects, "RoleBinding") + of_kind(objects, "ClusterRoleBinding"):
        if any(one["name"] == account for one in binding["subjects"]):
            namespace = binding["metadata"].get("namespace")
            roles = [one for one in objects if one["metadata"].get("namespace") == namespace]
            role = find(roles, binding["roleRef"]["kind"], binding["roleRef"]["name"])
            found |= set(_rights(role["rules"], namespace))
    return found


def _rights(rules: Iterable[Object], namespace: str | None) -> Iterable[Right]:
    for rule in rules:
        for verb in rule["verbs"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for name in rule.get("resourceNames", [None]):
                        yield Right(verb, group, resource, namespace, name)


def asked(requests: Iterable[tuple[str, str]]) -> set[Right]:
    """What (method, path with query) need."""
    found = set()
    for method, target in requests:
        parts = urlsplit(target)
        match = _PATH.fullmatch(parts.path)
        assert match is not None, target
        verb, name = _VERBS.get(method) or ("get" if match["name"] else "list"), match["name"]
        query = parse_qs(parts.query)
        if verb == "list":
            name = _selected(query.get("fieldSelector", [""])[0])
            verb = "watch" if query.get("watch") else verb
        found.add(Right(verb, match["group"] or "", match["resource"], match["namespace"], name))
    return found


def _selected(fields: str) -> str | None:
    """The one object that a list or watch is about, which rights by name cover."""
    return dict(one.split("=") for one in fields.split(",") if one).get("metadata.name")


def cover(right: Right, wanted: Right) -> bool:
    """Whether `right` lets one do what `wanted` is."""
    where = right.namespace in (None, wanted.namespace) and right.name in (None, wanted.name)
    return where and right[:3] == wanted[:3]
