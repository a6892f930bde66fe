"""Content: what one source (a file, a name in memory) holds, taken apart into what the catalog can join.

Small immutable values that pickle well: `loader` makes them outside the serving process and sends them in pieces.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gwt.model.certificate import Certificate
from gwt.model.route import Problem, Quarantined, Route, Rule, ServiceSpec
from gwt.model.value import value


@value
class ServicePart:
    """One statically written upstream and its line."""

    spec: ServiceSpec
    line: int


@value
class RulesPart:
    """The rules of one document, in their order."""

    rules: tuple[Rule, ...]


@value
class ListPart:
    """One named list of CIDRs."""

    name: str
    cidrs: tuple[str, ...]


@value
class ConsumerPart:
    """One named consumer and its credentials as written."""

    name: str
    conf: Mapping[str, Any]


@value
class KubePart:
    """A Service, EndpointSlice or Endpoints. `service` is the `namespace/name` of the Service that it belongs to."""

    kind: str
    name: str  # namespace/name of the object itself
    service: str
    value: Any


@value
class CertificatePart:
    """One named certificate."""

    name: str
    certificate: Certificate


Part = Route | ServicePart | RulesPart | ListPart | ConsumerPart | CertificatePart | KubePart


@value
class Doc:
    """One document. `identity` names it over its changes (file#n, namespace/configmap/key#n), `index` is its position.

    Either `parts` is what it says, or `bad` says why it says nothing. `inner`: it stands in a ConfigMap of the source.
    """

    identity: str
    index: int
    parts: tuple[Part, ...] = ()
    bad: Quarantined | None = None
    inner: bool = False


@value
class Content:
    """All documents of a source and every problem with them. Not `readable`: nothing is known but the problems."""

    docs: tuple[Doc, ...] = ()
    problems: tuple[Problem, ...] = ()
    readable: bool = True


EMPTY = Content()
