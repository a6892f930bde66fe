"""Gateway: all of a gateway but its sockets, for tests of plugins: the real channel, router, chain, proxy and pools.

    answer = Gateway(MyPlugin(header="X-A")).get("/path", headers={"X-Age": "5"})
    assert answer.status == 200 and answer.upstream.headers["x-a"] == "1"

Works in pytest and in trial alike: nothing waits for a reactor. Time is `FakeReactor`'s and goes on only while an
answer is waited for, or by `advance`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.edge.listener import TICK, HttpFactory
from gwt.edge.resource import GatewayResource
from gwt.limiter.node import NodeLimiter
from gwt.model.problem import format_problem
from gwt.model.route import PluginUse
from gwt.model.settings import Limits
from gwt.phase.installed import Installed
from gwt.phase.plugin import Plugin
from gwt.phase.plugintype import PluginType
from gwt.phase.roster import Roster
from gwt.phase.ticker import Ticker
from gwt.phase.tools import Tools
from gwt.proxy import Proxy
from gwt.snapshot import Current
from gwt.steps import finish
from gwt.store.catalog import Catalog
from gwt.store.parts import read_content
from gwt.surroundings import Surroundings
from gwt.testing.client import Answer, Client, Fields, Request, Text
from gwt.testing.reactor import FakeReactor
from gwt.testing.reading import Seen
from gwt.testing.upstreams import OK, Script, Upstream
from gwt.testing.zones import MemoryZone
from gwt.upstream.pool import Pools
from gwt.wire.forwarded import Ids
from gwt.zones.arena import PrivateArena

#: Seconds (of the clock that a test has) after which nobody waits for an answer any more.
PATIENCE = 300.0
#: What `tools.wall()` says when a gateway begins, 2027-01-15, in seconds of the epoch.
BEGAN = 1_800_000_000.0
UPSTREAM = "10.0.0.1:80"


#: Types of classes that were asked for lately: a law asks for one again and again.
_KINDS: dict[Any, PluginType] = {}


def kind_of(cls: Any) -> PluginType:
    """The PluginType of a class. Raises BadPlugin."""
    if cls not in _KINDS:
        if len(_KINDS) >= 64:
            _KINDS.clear()
        _KINDS[cls] = PluginType(cls, "a test")
    return _KINDS[cls]


class _Given(PluginType):
    """The type of an instance that a test has made itself."""

    __slots__ = ("_instance",)

    def __init__(self, instance: Plugin) -> None:
        same = kind_of(type(instance))
        for name in set(PluginType.__slots__) - {"__weakref__"}:
            setattr(self, name, getattr(same, name))
        self._instance = instance

    def make(self, conf: Mapping[str, Any]) -> Plugin:
        """That instance."""
        return self._instance


class Gateway:
    """One route, `*`, whose chain holds the plugins that are given as instances; `seen` is what upstreams got.

    A plugin given as a class is installed only, and configured by name: `plugins` as in a Route, `global_plugins` as in
    gateway.yaml, `_meta` included. `route` adds keys to the Route (`access`, say). `documents` is the text of a store
    in place of all that. ValueError tells what is wrong with any of it.

    `upstream` says what the upstream of the route answers (see `Says`), `others` what other addresses `HOST:PORT` (or
    all, as `*`) do: those that a plugin asks by itself through `tools.reactor` are kept in `asked`. `raised` holds
    (plugin, error), `rejected` what report mode counted.
    """

    def __init__(
        self, *plugins: Plugin | type[Plugin], upstream: Script = OK, others: Mapping[str, Script] | None = None,
        configured: Mapping[str, Any] | None = None, global_plugins: Mapping[str, Any] | None = None,
        route: Mapping[str, Any] | None = None, documents: str | None = None, seed: int = 1,
    ) -> None:  # fmt: skip
        self.upstream, self.others = upstream, dict(others or {})
        self.seen: list[Seen] = []
        self.asked: list[Seen] = []
        self.raised: list[tuple[str, BaseException]] = []
        self.rejected: list[tuple[str, str]] = []
        self.finished: list[Any] = []
        self.clients: list[Client] = []
        self._upstreams: list[Upstream] = []
        self._zones: dict[str, MemoryZone] = {}
        self.reactor = FakeReactor(self._dial)
        self.ticker = Ticker()
        self.roster = Roster(self._tools(random.Random(seed)))
        kinds = [_Given(one) if isinstance(one, Plugin) else kind_of(one) for one in plugins]
        uses = {one.name: {} for one in plugins if isinstance(one, Plugin)} | dict(configured or {})
        text = documents if documents is not None else _documents(uses, route or {})
        self.current = Current(self._compiled(kinds, global_plugins or {}, text, seed))
        self._wire(seed)

    # -- asking

    def get(self, target: str = "/", headers: Fields = (), **more: Any) -> Answer:
        """GET. `more` are fields of Request: host, body, pieces, chunked, client."""
        return self.request("GET", target, headers, **more)

    def post(self, target: str = "/", body: Text = b"", headers: Fields = (), **more: Any) -> Answer:
        """POST, see `get`."""
        return self.request("POST", target, headers, body, **more)

    def request(
        self, method: str, target: str = "/", headers: Fields = (), body: Text = b"", **more: Any
    ) -> Answer:  # fmt: skip
        """Any request, and its answer. Deferreds and coroutines on the way are waited for, time passes meanwhile.

        AssertionError where there is no answer at all.
        """
        return self.ask(Request.of(method, target, headers, body, **more))

    def ask(self, request: Request) -> Answer:
        """The answer to `request`."""
        return self.wait(self.begin(request).send())

    def begin(self, request: Request) -> Client:
        """A client that has connected and sends `request` piece by piece, by `send`."""
        client = Client(self, request)
        self.clients.append(client)
        return client

    def wait(self, client: Client) -> Answer:
        """The client's answer, once it is complete or broken off."""
        due = self.reactor.seconds() + PATIENCE
        while not client.done:
            assert self.reactor.seconds() < due, f"no answer to {client.request} within {PATIENCE:g} seconds"
            self.advance(TICK)
        answer = client.answer
        assert answer is not None, f"the connection ended without an answer to {client.request}"
        self.clients.remove(client)
        if not client.wire.over:
            client.vanish()  # between two requests: nobody minds
        return answer

    def advance(self, seconds: float) -> None:
        """Let time go by."""
        due = self.reactor.seconds() + seconds
        while (now := self.reactor.seconds()) < due - TICK / 100:
            self.reactor.advance(min(TICK, due - now))
            self.factory.tick()
            self.ticker.tick(self.reactor.seconds())
            self.pools.tick(self.reactor.seconds())
            self.settle()

    def settle(self) -> None:
        """Deliver what is on its way; no time passes."""
        while sum([*(one.settle() for one in self._upstreams), *(one.settle() for one in self.clients)]):
            self._upstreams = [one for one in self._upstreams if not one.wire.lost]

    def zone(self, name: str) -> MemoryZone:
        """What `ctx.shared(name)` gives plugins."""
        if name not in self._zones:
            self._zones[name] = MemoryZone(self.reactor.seconds)
        return self._zones[name]

    @property
    def live(self) -> int:
        """Exchanges that are under way on the side of the upstream."""
        return self.proxy.live

    def stop(self) -> None:
        """The process ends: plugins are stopped."""
        self.roster.stop()

    # -- parts

    def _tools(self, chance: random.Random) -> Tools:
        zone: Any = self.zone
        return Tools(
            clock=self.reactor.seconds,
            ticker=self.ticker,
            reactor=self.reactor,
            shared=zone,
            raised=lambda name, _, error: self.raised.append((name, error)),
            would_reject=lambda name, route: self.rejected.append((name, route)),
            wall=lambda: BEGAN + self.reactor.seconds(),
            random=chance.randbytes,
        )

    def _compiled(self, kinds: list[PluginType], plugins: Mapping[str, Any], text: str, seed: int) -> Any:
        surroundings = Surroundings(
            Registry(self.reactor.seconds, random.Random(seed).random),
            plugins=tuple(PluginUse(name, None if conf is False else conf) for name, conf in plugins.items()),
            installed=Installed(kinds),
            limiter=NodeLimiter(PrivateArena(), slots=4096),
            roster=self.roster,
        )
        catalog = Catalog()
        catalog.put("test.yaml", read_content(text.encode(), "test.yaml"))
        snapshot = compile_now(empty_snapshot(surroundings), finish(catalog.settle()), surroundings)
        wrong = [format_problem(one) for one in snapshot.problems() if one.severity == "error"]
        if wrong:
            raise ValueError("\n".join(wrong))
        return snapshot

    def _wire(self, seed: int) -> None:
        clock: Callable[[], float] = self.reactor.seconds
        ids = Ids(random.Random(seed).randbytes)
        reactor: Any = self.reactor
        self.pools = Pools(reactor, clock)
        self.proxy = Proxy(self.pools, self.ticker, clock, ids)
        root = GatewayResource(self.current, self.proxy, {})
        self.factory = HttpFactory(root, Limits(), clock, lambda peer: False, ids, self._finished)
        self.factory.cork = self.pools.cork

    def _finished(self, exchange: Any) -> None:
        if exchange.phases is not None:
            exchange.phases.end()
        self.finished.append(exchange)

    def _dial(self, host: str, port: int, protocol: Callable[[], Any]) -> None:
        where = f"{host}:{port}"
        if where == UPSTREAM and where not in self.others:
            script, heard = self.upstream, self.seen.append
        else:
            script, heard = self.others[where if where in self.others else "*"], self.asked.append
        self._upstreams.append(Upstream(protocol(), script, heard, self.reactor.callLater, host, port))


def _documents(uses: Mapping[str, Any], route: Mapping[str, Any]) -> str:
    service = {"name": "upstream", "port": 80, "paths": [{"uri": "/"}]}
    document = {"name": "test", "hosts": ["*"], "namespace": "test", "services": [service], "plugins": uses, **route}
    return f'{json.dumps(document)}\n---\n{{"upstreams": {{"test/upstream:80": ["{UPSTREAM}"]}}}}\n'
