"""The other documents: `upstreams:`, `rules:`, `lists:`, `consumers:`, `tls:`, from checked plain values to values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gwt.model import units
from gwt.model.access import Reader, read_cidrs
from gwt.model.certificate import Certificate, ClientAuth, read_bundle, read_certificate
from gwt.model.route import EndpointSpec, Rule, ServiceSpec, Source
from gwt.model.validate import Trail

_KEY = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?:[1-9][0-9]{0,4}")
_BARE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
#: A bare name, or namespace/name: that of a Secret.
_CERTIFICATE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}|[a-z0-9-]{1,63}/[a-z0-9][a-z0-9.-]{0,252}")


@dataclass(frozen=True, slots=True)
class UpstreamsDoc:
    """`upstreams:`: static endpoints by service key, in the order written; `lines` tells where each stands."""

    services: tuple[ServiceSpec, ...]
    source: Source
    lines: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RulesDoc:
    """`rules:`: in the order written."""

    rules: tuple[Rule, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class ListsDoc:
    """`lists:`: name -> canonical CIDRs."""

    lists: Mapping[str, tuple[str, ...]]
    source: Source


@dataclass(frozen=True, slots=True)
class ConsumersDoc:
    """`consumers:`: name -> plugin name -> credentials as written."""

    consumers: Mapping[str, Mapping[str, Mapping[str, Any]]]
    source: Source


@dataclass(frozen=True, slots=True)
class CertificatesDoc:
    """`tls:`: name -> certificate."""

    certificates: Mapping[str, Certificate]
    source: Source


@dataclass(frozen=True, slots=True)
class KubeObject:
    """A Kubernetes object as written; `namespace` is `default` where it names none."""

    kind: str
    namespace: str
    name: str
    object: Mapping[str, Any]
    source: Source


def read_upstreams(reader: Reader, value: dict[str, Any], source: Source) -> UpstreamsDoc:
    """The endpoints of each service key, each address once; the first counts."""
    services = []
    lines: dict[str, int] = {}
    for key, items in value["upstreams"].items():
        trail: Trail = ((None, "upstreams"), key)
        _check_key(reader, key, trail)
        endpoints: dict[str, EndpointSpec] = {}
        for index, item in enumerate(items):
            endpoint = read_endpoint(reader, item, (trail, index))
            if endpoint is not None and endpoint.address in endpoints:
                reader.warn((trail, index), f"address {endpoint.address} stands twice; the first counts")
            elif endpoint is not None:
                endpoints[endpoint.address] = endpoint
        services.append(ServiceSpec(key, tuple(endpoints.values()), source="file"))
        lines[key] = reader.line(trail, value["upstreams"])
    return UpstreamsDoc(tuple(services), source, lines)


def _check_key(reader: Reader, key: str, trail: Trail) -> None:
    if "/" in key or ":" in key:
        if not _KEY.fullmatch(key) or int(key.rpartition(":")[2]) > 65535:
            reader.fault(trail, f"expected namespace/service:port or a bare name, got {key!r}", True)
    elif not _BARE.fullmatch(key):
        reader.fault(trail, f"{key!r} can't be an upstream's name", True)


def read_endpoint(reader: Reader, item: Any, trail: Trail) -> EndpointSpec | None:
    """One address, as a text or a mapping."""
    if isinstance(item, str):
        address = reader.take(units.address, item, trail)
        return None if address is None else EndpointSpec(address)
    address = reader.take(units.address, item["address"], (trail, "address"))
    if address is None:
        return None
    known = {key: part for key, part in item.items() if key != "weight"}
    return EndpointSpec(**{**known, "address": address, "weight": int(item.get("weight", 1))})


def read_rules(reader: Reader, value: dict[str, Any], source: Source) -> RulesDoc:
    """The rules, each with what its action needs and nothing that it does not."""
    return RulesDoc(
        tuple([_rule(reader, value["rules"], index, source) for index in range(len(value["rules"]))]),
        source,
    )


def _rule(reader: Reader, rules: list[dict[str, Any]], index: int, source: Source) -> Rule:
    value, trail = rules[index], ((None, "rules"), index)
    host = reader.take(units.host, value["host"], (trail, "host")) if "host" in value else "*"
    if host is not None and units.MARK in host:
        reader.fault((trail, "host"), "a rule knows no envs, so {mark} stands for nothing")
    url, action = value["url"], value["action"]
    if not re.fullmatch(r"/[!-~]*", url) or "?" in url or "#" in url or "\\" in url:
        reader.fault((trail, "url"), f"a url starts with / and is a path, got {url!r}")
    needed = {"forward": "cluster", "redirect": "to"}.get(action)
    if needed and value.get(needed) is None:
        reader.fault(trail, f"action {action} needs {needed}")
    for key, wanted in (("cluster", "forward"), ("to", "redirect"), ("code", "redirect")):
        if value.get(key) is not None and action != wanted:
            reader.fault((trail, key), f"{key} goes with action {wanted}, not with {action}", True)
    to = value.get("to")
    if to is not None and not re.fullmatch(r"(https?://|/)[!-~]*", to):
        reader.fault((trail, "to"), f"to takes a path or an http(s) URL in visible ASCII, got {to!r}")
    if value.get("cluster") is not None:
        _check_key(reader, value["cluster"], (trail, "cluster"))
    place = replace(source, line=reader.line(trail, rules))
    return Rule(host or "*", url, action, value.get("cluster"), to, int(value.get("code", 302)), place)


def read_lists(reader: Reader, value: dict[str, Any], source: Source) -> ListsDoc:
    """Named lists of CIDRs; a list can't name another."""
    lists = {}
    for name, items in value["lists"].items():
        trail: Trail = ((None, "lists"), name)
        if not _NAME.fullmatch(name):
            reader.fault(trail, f"{name!r} can't be a list's name", True)
        lists[name] = read_cidrs(reader, items, trail, False)
    return ListsDoc(lists, source)


def read_consumers(reader: Reader, value: dict[str, Any], source: Source) -> ConsumersDoc:
    """Who may enter by which auth plugin; the credentials are the plugin's business."""
    for name in value["consumers"]:
        reader.take(units.printable, name, ((None, "consumers"), name), "a consumer's name", 256)
    return ConsumersDoc(value["consumers"], source)


def read_certificates(reader: Reader, value: dict[str, Any], source: Source) -> CertificatesDoc:
    """Certificates with their keys; what is wrong with one is said at its name, so that no key is shown."""
    found = {}
    for name, item in value["tls"].items():
        trail: Trail = ((None, "tls"), name)
        if not _CERTIFICATE.fullmatch(name):
            reader.fault(trail, f"{name!r} can't be a certificate's name", True)
            continue
        try:
            found[name] = _certificate(item)
        except ValueError as error:
            reader.fault(trail, str(error), True)
    return CertificatesDoc(found, source)


def _certificate(item: dict[str, Any]) -> Certificate:
    asked = item.get("client_auth")
    client_auth = None if asked is None else ClientAuth(asked["mode"], read_bundle(asked["ca"]))
    return read_certificate(item["cert"], item["key"], item.get("names"), client_auth)
