"""Content: what one source (a file, a name in memory) holds, taken apart into what the catalog can join.

Small immutable values that pickle well: `loader` makes them outside the serving process and sends them in pieces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gwt.model.route import Problem, Quarantined, Route, Rule, ServiceSpec


@dataclass(frozen=True, slots=True)
class ServicePart:
    """One statically written upstream and its line."""

    spec: ServiceSpec
    line: int


@dataclass(frozen=True, slots=True)
class RulesPart:
    """The rules of one document, in their order."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class ListPart:
    """One named list of CIDRs."""

    name: str
    cidrs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConsumerPart:
    """One named consumer and its credentials as written."""

    name: str
    conf: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KubePart:
    """A Service, EndpointSlice or Endpoints. `service` is the `namespace/name` of the Service that it belongs to."""

    kind: str
    name: str  # namespace/name of the object itself
    service: str
    value: Any


Part = Route | ServicePart | RulesPart | ListPart | ConsumerPart | KubePart


@dataclass(frozen=True, slots=True)
class Doc:
    """One document. `identity` names it over its changes (file#n, namespace/configmap/key#n), `index` is its position.

    Either `parts` is what it says, or `bad` says why it says nothing. `inner`: it stands in a ConfigMap of the source.
    """

    identity: str
    index: int
    parts: tuple[Part, ...] = ()
    bad: Quarantined | None = None
    inner: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """All documents of a source and every problem with them. Not `readable`: nothing is known but the problems."""

    docs: tuple[Doc, ...] = ()
    problems: tuple[Problem, ...] = ()
    readable: bool = True


EMPTY = Content()
