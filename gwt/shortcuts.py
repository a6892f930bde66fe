"""What the compiled short cut (`gwt.shortcut`) works on: every class and constant that it has to know, in one place."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger

from gwt import shortcut
from gwt.accesslog import AccessLog
from gwt.balance.endpoint import Endpoint, EndpointState
from gwt.balance.pick import Ring
from gwt.balance.upstream import Upstream
from gwt.edge import side
from gwt.edge.channel import Channel
from gwt.edge.listener import HttpFactory
from gwt.edge.refusal import REASONS
from gwt.edge.request import Request
from gwt.edge.resource import GatewayResource
from gwt.finished import Finished
from gwt.forward import Forward
from gwt.leaf import Leaf, LeafOrigin
from gwt.logline import format_combined, format_json
from gwt.metrics.leafstats import SECONDS, LeafStats
from gwt.model.options import Limits
from gwt.model.policy import DEFAULT_POLICY
from gwt.model.route import Balance, Source
from gwt.phase.edit import Edit
from gwt.phase.ticker import Ticker
from gwt.proxy import Proxy
from gwt.route.entry import Entry
from gwt.route.router import Router
from gwt.sharded import Sharded
from gwt.snapshot import Current, Snapshot
from gwt.upstream import connection, pool
from gwt.upstream.connection import Connection
from gwt.upstream.pool import Pool, Pools
from gwt.wire.forwarded import Ids
from gwt.wire.names import REQUEST_NAMES, RESPONSE_NAMES, Kind
from gwt.wire.request import RequestHead

_log = Logger()

_CLASSES = (
    Channel, HttpFactory, Limits, GatewayResource, Current, Snapshot, Sharded, Router, Entry, Leaf, Balance,
    RequestHead, Request, Edit, Proxy, Forward, Upstream, Ring, Endpoint, EndpointState, Ticker, Ids, Pools, Pool,
    Connection, Finished, LeafStats, AccessLog,
)  # fmt: skip


def install() -> bool:
    """Let plain exchanges take the short cut; False where it was not built, or for other classes than these."""
    if not shortcut.BUILT:
        return False
    try:
        shortcut.know({one.__name__: one for one in _CLASSES}, _constants())
    except (TypeError, ValueError) as error:
        _log.warn("the compiled short cut is not used: {error}", error=error)
        return False
    return True


def _constants() -> dict[str, Any]:
    """The patterns (`request`, ...) are objects as the Python code makes them: theirs are the defaults."""
    head = RequestHead()
    request = Request(None, head)  # type: ignore[arg-type]
    leaf = Leaf("", "", "", DEFAULT_POLICY, LeafOrigin(Source("")))
    return {
        "READY": side.READY,
        "WAIT": side.WAIT,
        "HELD": side.HELD,
        "IDLE": connection.IDLE,
        "HEAD": connection.HEAD,
        "request_head": head,
        "request": request,
        "forward": Forward(None, request, leaf),  # type: ignore[arg-type]
        "request_names": REQUEST_NAMES,
        "response_names": RESPONSE_NAMES,
        "format_combined": format_combined,
        "format_json": format_json,
        "reasons": REASONS,
        "keep_alive": frozenset((b"keep-alive",)),
        "seconds": SECONDS,
        "idle_limit": pool.MAX_IDLE,
        "look_after": pool.LOOK_AFTER,
        "kinds": Kind.COUNT,
    }
