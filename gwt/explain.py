"""Why a request goes where it goes: candidates and why each lost, the winner, who set each field of its policy.

Plain data out, the same for `gwt explain` and the admin listener; nothing that is in force is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gwt.balance.upstream import Upstream
from gwt.explain_plugins import plugins
from gwt.leaf import Leaf
from gwt.model.policy import FIELDS, Policy
from gwt.model.route import Balance
from gwt.route.entry import Entry
from gwt.route.explain import Candidate, candidates
from gwt.route.hosts import BadHost, normalise_host
from gwt.route.path import BadPath, match_path, normalise
from gwt.snapshot import Snapshot
from gwt.steps import Steps, finish

#: Entries of a host that are judged between two yields.
STRIDE = 50


class Asked:
    """A request that nobody sent, as conditions see it. `headers` are (name, value) pairs, `url` is absolute.

    Raises ValueError (for people) where the URL or its host can't be read.
    """

    def __init__(
        self, method: str, url: str, headers: Iterable[tuple[str, str]] = (), client: str = "127.0.0.1"
    ) -> None:
        if "://" not in url:
            url = "http://" + url
        parts = urlsplit(url)
        self.stream = parts.scheme == "stream"
        self.method, self.client = method.upper().encode(), client
        self._headers: dict[bytes, bytes] = {}
        for name, value in headers:
            self._headers.setdefault(name.strip().lower().encode(), value.strip().encode())
        self.host = normalise_host(self._headers.get(b"host", parts.netloc.rpartition("@")[2].encode()))
        self.raw_path = (parts.path or "/").encode()
        self.path = self.raw_path
        pairs = parse_qsl(parts.query, keep_blank_values=True, encoding="latin-1")
        self._args = {k.encode("latin-1"): v.encode("latin-1") for k, v in reversed(pairs)}
        jar = self._headers.get(b"cookie", b"").split(b";")
        self._cookies = {k.strip(): v.strip() for k, _, v in (part.partition(b"=") for part in reversed(jar))}

    def header(self, name: bytes) -> bytes | None:
        """A header by its name in lower case."""
        return self.host if name == b"host" else self._headers.get(name)

    def arg(self, name: bytes) -> bytes | None:
        """The first argument of that name."""
        return self._args.get(name)

    def cookie(self, name: bytes) -> bytes | None:
        """The first cookie of that name."""
        return self._cookies.get(name)


def explain(snapshot: Snapshot, asked: Asked) -> dict[str, Any]:
    """What would happen to `asked` now.

    Keys: `request` (canonical), `host_pattern`, `candidates` (in the order in which they are tried, each with
    `lost`: why, or None), `error` ({code, message} of the gateway's own answer, or None), `winner` (or None).
    """
    return finish(explaining(snapshot, asked))


def explaining(snapshot: Snapshot, asked: Asked) -> Steps[dict[str, Any]]:
    """`explain` for whom must not be kept long."""
    told: dict[str, Any] = {"host_pattern": None, "candidates": [], "winner": None, "error": None}
    pattern = snapshot.router.pattern_of(asked.host)
    try:
        asked.path = normalise(asked.raw_path, snapshot.merge_slashes, _keeps_slash(snapshot, pattern, asked.raw_path))
    except BadPath as error:
        return {"request": _request(asked), **told, "error": _error("bad_request", str(error))}
    told["request"], told["host_pattern"] = _request(asked), pattern
    entries = () if pattern is None else snapshot.router.entries_of(pattern)
    path = match_path(asked.path, snapshot.merge_slashes)
    try:
        winner = yield from _judge(entries, path, asked, told["candidates"])
        if winner is None:
            told["error"] = _error("no_route", f"no matching route: {asked.host.decode()}")
        else:
            told["winner"] = _winner(snapshot, winner.target, asked)
            told["error"] = _outcome(snapshot, winner.target)
    except BadPath as error:  # a text that is too long for a regular expression, or a rewrite that gives no path
        told["error"] = _error("bad_request", str(error))
    return told


def _judge(entries: Sequence[Entry], path: bytes, asked: Asked, told: list[dict[str, Any]]) -> Steps[Entry | None]:
    """Tell every entry, in the order in which they are tried, in `told`; the one that wins."""
    winner: Entry | None = None
    for start in range(0, len(entries), STRIDE):
        some = entries[start : start + STRIDE]
        if winner is None:
            judged = candidates(some, path, asked)
            winner = next((one.entry for one in judged if one.lost is None), None)
        else:
            judged = candidates((winner, *some), path, asked)[1:]  # the winner tells why these lose to it
        told += [_candidate(one) for one in judged]
        yield
    return winner


def _request(asked: Asked) -> dict[str, str]:
    return {
        "method": asked.method.decode(),
        "host": asked.host.decode(),
        "path": asked.path.decode("latin-1"),
        "client": asked.client,
    }


def _error(code: str, message: str) -> dict[str, str]:
    return {"code": code, "message": message}


def _keeps_slash(snapshot: Snapshot, pattern: str | None, path: bytes) -> bool:
    if b"%" not in path or snapshot.escaped_slashes == "keep":
        return True
    return snapshot.escaped_slashes == "auto" and pattern not in snapshot.guarded


def _candidate(candidate: Candidate) -> dict[str, Any]:
    entry, leaf = candidate.entry, candidate.entry.target
    return {
        "route": leaf.route,
        "service": leaf.service,
        "uri": _text(entry.uri),
        "match": entry.match,
        "priority": entry.priority,
        "conditions": entry.count,
        "place": _place(leaf),
        "lost": candidate.lost,
    }


def _place(leaf: Leaf) -> str:
    origin = leaf.origin
    return f"{origin.source.file}:{origin.line}" if origin.line else origin.source.file


def _winner(snapshot: Snapshot, leaf: Leaf, asked: Asked) -> dict[str, Any]:
    told: dict[str, Any] = {
        "route": leaf.route,
        "service": leaf.service,
        "path": leaf.path,
        "place": _place(leaf),
        "action": leaf.action,
        "upstream": leaf.upstream,
        "resource": leaf.resource,
        "protocol": leaf.protocol,
        "host": _host(leaf, asked),
        "sent_path": _text(asked.path if leaf.rewrite is None else leaf.rewrite(asked.path)),
        "location": None if leaf.location is None else _text(leaf.location),
        "policy": policy(leaf.policy),
        "plugins": plugins(snapshot, leaf),
    }
    upstream = snapshot.upstreams.get(leaf.upstream) if leaf.upstream else None
    if upstream is not None:
        told["balance"] = told_balance(leaf.balance)
        told["endpoints"] = endpoints(upstream)
        told["endpoint"] = picked(upstream, leaf.balance, asked)
    return told


def _host(leaf: Leaf, asked: Asked) -> str:
    if leaf.host_mode is None:
        return asked.host.decode()
    return _text(leaf.host_mode) or "(the endpoint's address, or the external name)"


def listing(snapshot: Snapshot) -> list[dict[str, Any]]:
    """One row for each path of each host pattern, in the order in which they are tried.

    `ready` of `endpoints` are ready (None where no service stands behind it); `closed`: the code that it answers with.
    """
    return [row(snapshot, pattern, entry) for pattern, entry in snapshot.router.entries()]


def row(snapshot: Snapshot, pattern: str, entry: Entry) -> dict[str, Any]:
    """One row of `listing`."""
    leaf = entry.target
    upstream = snapshot.upstreams.get(leaf.upstream) if leaf.upstream else None
    return {
        "host": pattern,
        "uri": _text(entry.uri),
        "match": entry.match,
        "priority": entry.priority,
        "conditions": entry.count,
        "goes_to": _goes_to(leaf),
        "endpoints": None if upstream is None else len(upstream.endpoints),
        "ready": None if upstream is None else sum(one.ready for one in upstream.endpoints),
        "closed": None if leaf.closed is None else leaf.closed.code,
        "route": leaf.route,
        "service": leaf.service,
        "place": _place(leaf),
    }


def _goes_to(leaf: Leaf) -> str:
    if leaf.action == "redirect":
        return f"redirect {_text(leaf.location)}"
    if leaf.action == "deny":
        return "deny"
    return f"resource {leaf.resource}" if leaf.resource else str(leaf.upstream or "nothing")


def policy(effective: Policy) -> dict[str, dict[str, Any]]:
    """Field -> its value and who set it."""
    origins = effective.origins
    return {name: {"value": _plain(getattr(effective, name)), "set_by": str(origins[name])} for name in FIELDS}


def _plain(value: Any) -> Any:
    fields = getattr(value, "__dataclass_fields__", None)
    if fields is not None:
        return {name: _plain(getattr(value, name)) for name in fields}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def told_balance(balance: Balance) -> str:
    """How a service is balanced, in words."""
    if balance.kind != "sticky":
        return balance.kind
    return " ".join(filter(None, ["sticky by", balance.by or "user, else ip", balance.name]))


def endpoints(upstream: Upstream) -> list[dict[str, Any]]:
    """The endpoints of a service as the admin listener shows them."""
    return [
        {
            "address": one.address,
            "ready": one.ready,
            "serving": one.serving,
            "terminating": one.terminating,
            "weight": one.weight,
            "zone": one.zone,
            "in_flight": one.state.inflight,
            "requests": one.state.requests,
            "failures": one.state.failures,
        }
        for one in upstream.endpoints
    ]


def picked(upstream: Upstream, balance: Balance, asked: Asked) -> str | None:
    """The endpoint that would be picked, as far as that is certain: nobody's turn is used up by asking."""
    if len(upstream.candidates) < 2:
        return upstream.candidates[0].address if upstream.candidates else None
    picker = upstream.picker(balance)
    if balance.kind == "sticky":
        key = _sticky_key(balance, asked)
        return None if key is None else getattr(picker.pick(key), "address", None)
    turns = picker.phases()  # in the order of turns; empty where chance decides
    if balance.kind == "least_conn":
        loads = {one.address: one.state.inflight / one.share for one in upstream.candidates}
        least = min(loads.values())
        return next((address for address in turns if loads.get(address) == least), None)
    return next(iter(turns), None)


def _sticky_key(balance: Balance, asked: Asked) -> bytes | None:
    name = (balance.name or "").encode()
    if balance.by == "header":
        return asked.header(name.lower())
    if balance.by == "cookie":
        return asked.cookie(name)
    return asked.client.encode()


def _outcome(snapshot: Snapshot, leaf: Leaf) -> dict[str, str] | None:
    """The gateway's own answer, where it would answer itself."""
    if leaf.closed is not None:
        return _error(leaf.closed.code, leaf.closed.message)
    if leaf.action == "forward" and leaf.upstream is not None:
        upstream = snapshot.upstreams.get(leaf.upstream)
        if upstream is None:
            return _error("no_service", "cannot find balancer")
        if not upstream.candidates:
            return _error("no_endpoint", "no endpoint of the service is ready")
    return None


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


__all__ = [
    "Asked", "BadHost", "endpoints", "explain", "explaining", "listing", "picked", "policy", "row", "told_balance",
]  # fmt: skip
