"""controller.yaml as values, and its text -> ControllerSettings with every problem told at once and in its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final

from gwt.model import settings, units
from gwt.model.access import Reader
from gwt.model.configfile import Form, read_mapping
from gwt.model.derive import Deriver, Schema, nullable
from gwt.model.forms import TEXT
from gwt.model.options import Endpoints, ExternalName, Seconds
from gwt.model.route import Problem
from gwt.model.secret import ReadFile, Secret, mask_url
from gwt.model.validate import Check, Trail, compile_schema

#: Stores that the controller can write to.
STORES: Final = ("redis://", "rediss://", "redis+unix://", "redis+sentinel://", "etcd://", "etcds://")

DEFAULT_NAMES: Final = ExternalName()

_TEXTS: Schema = {"type": "array", "items": TEXT}
_GLOB: Final = re.compile(r"[a-z0-9*?\[\]!-]+")
_LABEL: Final = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9._-]{1,63}(=[A-Za-z0-9._-]{0,63})?")
_KUBERNETES: Schema = {
    "title": "in-cluster, or a mapping of path and context",
    "anyOf": [{"enum": ["in-cluster"]}, {"$ref": "#/definitions/Kubernetes"}],
}
_KUBECONFIG: Schema = {"$ref": "#/definitions/KubeConfig"}


@dataclass(frozen=True, slots=True)
class KubeConfig:
    """A kubeconfig. `path` None: $KUBECONFIG, else ~/.kube/config; `context` None: the current one."""

    path: Annotated[str | None, nullable(TEXT)] = None
    context: Annotated[str | None, nullable(TEXT)] = None


@dataclass(frozen=True, slots=True)
class Debounce:
    """Seconds for which a change waits for others: since the last one, and in all."""

    quiet: Seconds = 0.02
    max: Seconds = 0.2


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """Which Lease says who leads; seconds. `namespace` None: the controller's own."""

    namespace: Annotated[str | None, nullable(TEXT)] = None
    name: Annotated[str, TEXT] = "gwt-controller"
    duration: Seconds = 10.0
    renew: Seconds = 7.0
    retry: Seconds = 2.0


@dataclass(frozen=True, slots=True)
class ControllerSettings:
    """The whole of controller.yaml, checked. `kubernetes` None: in-cluster; `tls_label` None: no Secrets are read.

    `file` is where it was read. A kubeconfig may stand in the file as `kubernetes`, inside it, or in its place.
    """

    kubernetes: Annotated[KubeConfig | None, _KUBERNETES] = None
    store: Annotated[str, TEXT] = "redis://redis:6379/0?prefix=gwt"
    namespaces: Annotated[tuple[str, ...], _TEXTS] = ()
    targets: Annotated[tuple[str, ...], _TEXTS] = ("*",)
    label: Annotated[str, TEXT] = "gwt.io/route=true"
    tls_label: Annotated[str | None, nullable(TEXT)] = None
    debounce: Debounce = Debounce()
    lease: LeaseTerms = LeaseTerms()
    listen: Endpoints = ("tcp:9181",)
    external_name: ExternalName = DEFAULT_NAMES
    file: str = ""


def load_controller_settings(
    text: str, file: str, env: Mapping[str, str], read_file: ReadFile | None = None
) -> tuple[ControllerSettings | None, list[Problem]]:
    """The settings of the text of `file`, or None, and its problems; as `settings.load_settings`."""
    form = Form("controller.yaml", ControllerSettings(file=file), check(), _read)
    return read_mapping(text, file, env, read_file, form)


@cache
def check() -> Check:
    """The compiled check of controller.yaml."""
    deriver = Deriver({(ControllerSettings, "file"): None}, {ControllerSettings: {"kubeconfig": _KUBECONFIG}}, {})
    deriver.of_type(KubeConfig)
    plain = deriver.definitions["KubeConfig"]
    deriver.definitions["Kubernetes"] = {**plain, "properties": {**plain["properties"], "kubeconfig": _KUBECONFIG}}
    return compile_schema(deriver.of_class(ControllerSettings), deriver.definitions)


def _read(reader: Reader, value: dict[str, Any], file: str) -> ControllerSettings:
    found: dict[str, Any] = {"file": file}
    for key, item in value.items():
        convert = _PARTS.get(key)
        found[key] = convert(reader, item, (None, key)) if convert else item
    beside = found.pop("kubeconfig", None)
    if beside is not None and found.get("kubernetes") is not None:
        reader.fault((None, "kubeconfig"), "kubernetes says which kubeconfig to use already: leave one out", True)
    elif beside is not None:
        found["kubernetes"] = beside
    made = ControllerSettings(**found)
    lease = made.lease
    if not 0 < lease.retry < lease.renew < lease.duration:
        reader.fault((None, "lease"), "retry < renew < duration must hold, or two controllers may lead at once")
    return made


def _kubernetes(reader: Reader, value: Any, trail: Trail) -> KubeConfig | None:
    if value == "in-cluster":
        return None
    inside = value.get("kubeconfig")
    if inside is None:
        return KubeConfig(**value)
    for key in sorted(value.keys() - {"kubeconfig"}):
        reader.fault((trail, key), f"{key} stands inside kubeconfig, or in its place", True)
    return KubeConfig(**inside)


def _kubeconfig(reader: Reader, value: dict[str, Any], trail: Trail) -> KubeConfig:
    return KubeConfig(**value)


def _store(reader: Reader, value: str, trail: Trail) -> Secret | str:
    if not value.startswith(STORES):
        reader.fault(trail, f"expected {', '.join(STORES[:-1])} or {STORES[-1]}, got {mask_url(value)!s}")
    return mask_url(value)


def _namespaces(reader: Reader, value: list[str], trail: Trail) -> tuple[str, ...]:
    for index, text in enumerate(value):
        reader.take(units.label, text, (trail, index), "namespace")
    return tuple(dict.fromkeys(value))


def _targets(reader: Reader, value: list[str], trail: Trail) -> tuple[str, ...]:
    for index, text in enumerate(value):
        if not _GLOB.fullmatch(text):
            reader.fault((trail, index), f"expected a namespace, with * where any will do, got {text!r}")
    return tuple(value)


def _label(reader: Reader, value: str | None, trail: Trail) -> str | None:
    if value is not None and not _LABEL.fullmatch(value):
        reader.fault(trail, f"expected a label such as gwt.io/route=true, got {value!r}")
    return value


_PARTS: dict[str, Any] = {
    "kubernetes": _kubernetes,
    "kubeconfig": _kubeconfig,
    "store": _store,
    "namespaces": _namespaces,
    "targets": _targets,
    "label": _label,
    "tls_label": _label,
    "debounce": settings.part(Debounce, {"quiet": settings.seconds, "max": settings.seconds}),
    "lease": settings.part(LeaseTerms, dict.fromkeys(("duration", "renew", "retry"), settings.positive)),
    "listen": settings.endpoints,
    "external_name": settings.external_name,
}
