"""Admin: the admin listener of one process, wired: what it answers from, whom it asks, what it counts meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import chain
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.logger import Logger

from gwt.admin import certificates, plugins, problems, routes, upstreams
from gwt.admin.answers import Reply
from gwt.admin.changes import WRITING, Changes
from gwt.admin.collector import Collector, answered_gauge
from gwt.admin.dyups import Dyups
from gwt.admin.guard import METRICS, OPEN, Guard
from gwt.admin.lag import Lag
from gwt.admin.observed import Observed
from gwt.admin.peers import Peers
from gwt.admin.site import AdminSite
from gwt.admin.spread import ASK, Spread
from gwt.admin.tree import BadQuery, Entry, Question, Tree
from gwt.admin.watched import Dialled, Watched
from gwt.explain import Asked
from gwt.explain_streams import explaining_any
from gwt.metrics import CONTENT_TYPE, exposition_parts
from gwt.model.settings import Settings
from gwt.snapshot import Snapshot
from gwt.store.base import Store
from gwt.store.pace import Pacer

#: Documents or services of one page at most.
MOST = 100_000


class Admin:
    """`site` is the factory for the listener; `dialled` the reactor for upstream pools."""

    log = Logger("gwt.admin")

    def __init__(self, reactor: Any, dialled: Dialled, observed: Observed, settings: Settings) -> None:
        self._observed = observed
        self._pacer = Pacer(reactor)
        metrics = observed.meters.metrics
        self._collector = Collector(observed, dialled, type(reactor).__name__.removesuffix("Reactor"))
        self._lag = Lag(reactor, metrics)
        self._peers = Peers(reactor, metrics.directory, self._tell)
        self._spread = Spread(observed.store, observed.settled, self._peers)
        self._changes = Changes(
            observed.store, lambda: self._snapshot, self._pacer, time.time, self._spread.everywhere
        )  # fmt: skip
        self._dyups = Dyups(lambda: self._snapshot, self._changes.upstream)
        self._tree = Tree(self._entries(), Guard(), reactor)
        self.site = AdminSite(self._tree, reactor)
        self.apply(settings)

    def _entries(self) -> list[Entry]:
        return [
            Entry("healthz", "whether this process is alive", self._alive, OPEN),
            Entry("readyz", "whether the gateway takes traffic, by source", self._readiness, OPEN),
            Entry("metrics", "Prometheus text over all workers", self._metrics, METRICS),
            Entry("v1/routes", "documents; ?limit=&after=, or ?view=table or audit; PUT, DELETE with If-Match",
                  self._routes, named=True, methods=WRITING),
            Entry("v1/upstreams", "services and their endpoints; ?limit=&after=; PUT, DELETE", self._upstreams,
                  named=True, methods=WRITING),
            Entry("v1/certificates", "certificates of the store, never their keys; ?limit=&after=; PUT, DELETE",
                  self._certificates, named=True, methods=WRITING),
            Entry("v1/history", "revisions, the last first, or one of them", self._changes.history, named=True),
            Entry("v1/diff", "?from=REV&to=REV: what changed, and what it means", self._changes.diff),
            Entry("v1/rollback", "POST /v1/rollback/REV: bring an earlier revision back; /v1/rollback/release?name=: "
                  "give what is held since back to the controller", self._changes.rollback,
                  named=True, methods=("POST",)),
            Entry("upstream", "dyups: GET, POST `server IP:PORT weight=N; ...`, DELETE", self._dyups.upstream,
                  named=True, methods=("GET", "HEAD", "POST", "DELETE")),
            Entry("list", "dyups: names of upstreams", self._dyups.list),
            Entry("detail", "dyups: upstreams and their servers", self._dyups.detail),
            Entry("v1/explain", "?method=&url=&client=&header=NAME:VALUE: where a request goes and why", self._explain),
            Entry("v1/problems", "what is wrong with documents", self._problems),
            Entry("v1/plugins", "what is installed, what may run here, what is missing", self._plugins),
            Entry("v1/plugins/reload", "POST: look for plugins that were added, changed or removed", self._reload,
                  methods=("POST",)),
        ]  # fmt: skip

    # -- life

    def apply(self, settings: Settings) -> None:
        """What gateway.yaml says now."""
        self._tree.guard = Guard(settings.admin_token, settings.metrics_token)

    def start(self) -> None:
        """Count, and answer other workers."""
        self._lag.start()
        self._peers.start()

    def publish(self) -> None:
        """Once a second: make the figures of now known to the other workers."""
        self._collector.publish()

    def stop(self) -> Deferred[Any]:
        """Answer no more."""
        self._lag.stop()
        return self._peers.stop()

    def watched(self, store: Store) -> Store:
        """`store`, looked at: that it could be read is noted even if nothing had changed."""
        return Watched(store, self._looked)

    def _looked(self, changed: bool) -> None:
        self._observed.health.reached()
        if not changed:
            self._observed.meters.refresh("unchanged")

    def came_into_force(self, seconds: float) -> None:
        """A change did, `seconds` after it was read."""
        self._collector.refresh_seconds.observe(seconds)

    def forget(self, snapshot: Snapshot) -> None:
        """`snapshot` is in force now: let go of the one before."""
        self._collector.surveys.forget(snapshot)

    def _tell(self, question: dict[str, Any]) -> Iterator[Any] | Deferred[Iterator[Any]]:
        """What other workers ask."""
        if question.get("ask") == ASK:
            return self._spread.here(question["part"], question["rev"]).addCallback(lambda _: iter(()))
        return self._say(question)

    def _say(self, question: dict[str, Any]) -> Iterator[Any]:
        match question.get("ask"):
            case "ready":
                yield self._observed.health.serving
            case "publish":
                yield from self._collector.survey()
            case "upstreams":
                yield from upstreams.counted(self._snapshot, question.get("name"))
            case "reload plugins":
                self._observed.plugins.reload().addErrback(self._failed)
                yield [plugins.broken(one) for one in self._observed.plugins.installed.broken]

    @property
    def _snapshot(self) -> Snapshot:
        return self._observed.current.snapshot

    # -- answers

    def _alive(self, question: Question) -> Reply:
        return Reply({"status": "alive"})

    @inlineCallbacks
    def _readiness(self, question: Question) -> Any:
        """Ready as long as any worker is: one that begins or ends is not the gateway."""
        health = self._observed.health
        report = health.report()
        if not health.serving:
            said: list[bool] = []
            heard = yield self._peers.ask({"ask": "ready"}, said.append)
            report["workers"] = heard.workers()
            if any(said):
                report["status"] = "ready"
        return Reply(report, 200 if report["status"] == "ready" else 503)

    @inlineCallbacks
    def _metrics(self, question: Question) -> Any:
        others = self._peers.ask({"ask": "publish"})
        yield self._pacer.run(self._collector.survey())
        heard = yield others
        parts = chain(exposition_parts(self._observed.meters.metrics), answered_gauge(heard))
        return Reply(parts, kind=CONTENT_TYPE)

    @inlineCallbacks
    def _routes(self, question: Question) -> Any:
        if question.method in ("PUT", "DELETE"):
            return (yield self._changes.route(question))
        limit, after = question.number("limit", MOST), question.one("after")
        view = question.one("view", "documents")
        if view not in ("documents", "table", "audit"):
            raise BadQuery(f"view: documents, table or audit, not {view!r}")
        snapshot = self._snapshot
        if view == "table" and not question.name:
            return routes.table(snapshot)
        if view == "audit" and not question.name:
            return routes.audit(snapshot)
        survey = yield self._pacer.run(self._collector.surveys.get(snapshot))
        if question.name:
            return routes.one(snapshot, survey, question.name)
        return routes.listing(snapshot, survey, limit, after)

    @inlineCallbacks
    def _upstreams(self, question: Question) -> Any:
        if question.method in ("PUT", "DELETE"):
            return (yield self._changes.upstream(question))
        limit, after = question.number("limit", MOST), question.one("after")
        others: dict[str, dict[str, list[int]]] = {}
        asked = {"ask": "upstreams", "name": question.name or None}
        heard = yield self._peers.ask(asked, lambda said: add(others, *said))
        snapshot = self._snapshot
        if question.name:
            return upstreams.one(snapshot, others, heard, question.name)
        return upstreams.listing(snapshot, others, heard, limit, after)

    def _certificates(self, question: Question) -> Any:
        if question.method in ("PUT", "DELETE"):
            return self._changes.certificate(question)
        limit, after = question.number("limit", MOST), question.one("after")
        if question.name:
            return certificates.one(self._snapshot, question.name)
        return certificates.listing(self._snapshot, limit, after)

    @inlineCallbacks
    def _explain(self, question: Question) -> Any:
        snapshot = self._snapshot
        told = yield self._pacer.run(explaining_any(snapshot, asked_of(question)))
        return Reply({"revision": snapshot.revision, "request": told.pop("request"), **told})

    def _plugins(self, question: Question) -> Deferred[Any]:
        return self._pacer.run(plugins.answer(self._snapshot, self._observed.plugins))

    @inlineCallbacks
    def _reload(self, question: Question) -> Any:
        """Here, where the answer waits for it, and in all other workers."""
        workers: list[Any] = []
        others = self._peers.ask({"ask": "reload plugins"}, workers.append)
        changed = yield self._observed.plugins.reload()
        yield others
        broken = [plugins.broken(one) for one in self._observed.plugins.installed.broken]
        return Reply({"changed": changed, "broken": broken, "workers": 1 + len(workers)})

    def _failed(self, failure: Any) -> None:
        self.log.failure("plugins could not be reloaded", failure)

    @inlineCallbacks
    def _problems(self, question: Question) -> Any:
        snapshot, health = self._snapshot, self._observed.health
        survey = yield self._pacer.run(self._collector.surveys.get(snapshot))
        failing = None if health.failing_since is None else round(self._observed.clock() - health.failing_since, 3)
        store = {"name": str(health.store), "failing_for": failing, "failure": health.failure}
        return problems.answer(snapshot, survey, store)


def asked_of(question: Question) -> Asked:
    """The request that is asked about. BadQuery."""
    url, client = question.one("url"), question.one("client", "127.0.0.1") or ""
    if not url:
        raise BadQuery("url: which request is it about? ?url=http://HOST/PATH")
    headers = []
    for text in question.query.get("header", ()):
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise BadQuery(f"header: NAME:VALUE, not {text!r}")
        headers.append((name.strip(), value.strip()))
    try:
        ip_address(client)
        return Asked(question.one("method") or "GET", url, headers, client)
    except ValueError as error:
        raise BadQuery(f"{url if client in ('', '127.0.0.1') else client}: {error}") from error


def add(counts: dict[str, dict[str, list[int]]], key: str, more: dict[str, list[int]]) -> None:
    """Add what one worker has counted of a service."""
    service = counts.setdefault(key, {})
    for address, numbers in more.items():
        before = service.get(address, upstreams.NOTHING)
        service[address] = [a + b for a, b in zip(before, numbers, strict=True)]
