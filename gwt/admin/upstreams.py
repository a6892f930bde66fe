"""/v1/upstreams: services and their endpoints, with what requests have left behind there in all workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gwt.admin.answers import Reply, failed
from gwt.admin.order import Page, ascending
from gwt.admin.peers import Heard
from gwt.balance.endpoint import Endpoint
from gwt.balance.upstream import Upstream
from gwt.snapshot import Snapshot

#: Service key -> address -> in flight, requests, failures.
Counts = Mapping[str, Mapping[str, list[int]]]

NOTHING = [0, 0, 0]


def listing(snapshot: Snapshot, others: Counts, heard: Heard, limit: int | None, after: str | None) -> Reply:
    """All services by key. `others` is what the other workers have counted, `heard` how many of them said so."""
    upstreams = snapshot.upstreams
    page = Page(ascending(_keys(upstreams), after), limit)
    body = {
        "revision": _revision(snapshot),
        "workers": heard.workers(),
        "upstreams": page.rows(lambda key: (key, shown(upstreams[key], others))),
        "next": lambda: page.next,
    }
    return Reply(body, etag=str(_revision(snapshot)))


def one(snapshot: Snapshot, others: Counts, heard: Heard, name: str) -> Reply:
    """The service with the key `name`, or with a named port of that name."""
    upstream = snapshot.upstreams.get(name)
    if upstream is None:
        return failed(404, "no_such_upstream", f"no service has the key {name!r} (NAMESPACE/NAME:PORT, or a bare name)")
    revision = _revision(snapshot)
    body = {"revision": revision, "workers": heard.workers(), **shown(upstream, others)}
    return Reply(body, etag=str(revision))


def shown(upstream: Upstream, others: Counts) -> dict[str, Any]:
    """A service; its endpoints in the order of their document."""
    counted = others.get(upstream.key, {})
    return {
        "name": upstream.key,
        "protocol": upstream.protocol,
        "port_name": upstream.port_name,
        "source": upstream.source,
        "external_name": upstream.external_name,
        "candidates": len(upstream.candidates),
        "endpoints": (_endpoint(one, counted.get(one.address, NOTHING)) for one in upstream.endpoints),
    }


def _endpoint(one: Endpoint, others: list[int]) -> dict[str, Any]:
    state = one.state
    return {
        "address": one.address,
        "weight": one.weight,
        "ready": one.ready,
        "serving": one.serving,
        "terminating": one.terminating,
        "zone": one.zone,
        "in_flight": state.inflight + others[0],
        "requests": state.requests + others[1],
        "failures": state.failures + others[2],
    }


def _revision(snapshot: Snapshot) -> int:
    """What If-Match of a change to an upstream is held against."""
    return snapshot.revision if snapshot.services_revision is None else snapshot.services_revision


def _keys(upstreams: Mapping[str, Upstream]) -> Iterator[str]:
    """Every service once: a port with a name stands in the table under that too."""
    return (key for key, upstream in upstreams.items() if upstream.key == key)


def counted(snapshot: Snapshot, name: str | None) -> Iterator[Any]:
    """For another worker: [key, {address: counts}] of each service (or of the one called `name`) that has had
    requests here; None where the work may pause.
    """
    upstreams: Mapping[str, Upstream] = snapshot.upstreams
    if name is not None:
        upstreams = {upstreams[name].key: upstreams[name]} if name in upstreams else {}
    for key in _keys(upstreams):
        states = ((one.address, one.state) for one in upstreams[key].endpoints)
        counts = {address: [s.inflight, s.requests, s.failures] for address, s in states if s.requests}
        yield [key, counts] if counts else None
