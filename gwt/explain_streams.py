"""Why a connection goes where it goes: `stream://LISTENER`, or `stream://LISTENER/NAME` for TLS that asks for a name.

It is told in the form in which requests are, so that everybody who shows these shows connections too.
"""

from __future__ import annotations

from typing import Any

from gwt.explain import Asked, endpoints, explaining, picked, policy, told_balance
from gwt.snapshot import Snapshot
from gwt.steps import Steps, finish
from gwt.streams import StreamLeaf


def explain_any(snapshot: Snapshot, asked: Asked) -> dict[str, Any]:
    """What would happen to a request, or to a connection, now."""
    return finish(explaining_any(snapshot, asked))


def explaining_any(snapshot: Snapshot, asked: Asked) -> Steps[dict[str, Any]]:
    """The same for whom must not be kept long."""
    if not asked.stream:
        return (yield from explaining(snapshot, asked))
    return explain_stream(snapshot, asked)


def explain_stream(snapshot: Snapshot, asked: Asked) -> dict[str, Any]:
    """What would happen to a connection. The listener is the host of the URL, the name that is asked for its path."""
    name = asked.raw_path.strip(b"/").lower().removesuffix(b".") or None
    listener = asked.host.decode()
    request = {"method": "STREAM", "host": listener, "path": (name or b"").decode("latin-1"), "client": asked.client}
    told: dict[str, Any] = {"request": request, "host_pattern": None, "candidates": [], "winner": None, "error": None}
    table = snapshot.streams.get(listener)
    leaf = None if table is None else table.choose(name)
    if leaf is None:
        what = "no document" if table is None else "no document for that name"
        told["error"] = {"code": "no_route", "message": f"{what} of listener {listener!r}"}
        return told
    told["host_pattern"], told["winner"] = leaf.host, _winner(snapshot, leaf, asked)
    told["error"] = _outcome(snapshot, leaf, asked)
    return told


def _winner(snapshot: Snapshot, leaf: StreamLeaf, asked: Asked) -> dict[str, Any]:
    told: dict[str, Any] = {
        "route": leaf.route, "service": leaf.service, "path": "", "place": f"{leaf.source.file}:{leaf.source.line}",
        "action": "forward", "upstream": leaf.upstream, "resource": None, "protocol": "tcp", "host": "as it came",
        "sent_path": "bytes", "location": None, "policy": policy(leaf.policy), "plugins": [],
    }  # fmt: skip
    upstream = snapshot.upstreams.get(leaf.upstream or "")
    if upstream is not None:
        told["balance"] = told_balance(leaf.balance)
        told["endpoints"] = endpoints(upstream)
        told["endpoint"] = picked(upstream, leaf.balance, asked)
    return told


def _outcome(snapshot: Snapshot, leaf: StreamLeaf, asked: Asked) -> dict[str, str] | None:
    """Why the connection would be closed."""
    upstream = snapshot.upstreams.get(leaf.upstream or "")
    if leaf.closed is not None:
        return {"code": "policy", "message": leaf.closed}
    if leaf.rule is not None and not leaf.rule.admits(asked.client):
        return {"code": "ip", "message": f"{asked.client} may not come"}
    if upstream is None:
        return {"code": "no_service", "message": "cannot find balancer"}
    if not upstream.candidates:
        return {"code": "no_endpoint", "message": "no endpoint of the service is ready"}
    return None
