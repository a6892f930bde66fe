"""An admin listener on a real socket in this process, and treq to ask it."""

from __future__ import annotations

import json
from typing import Any

import treq
from admin.world import DOCUMENTS, World
from phase.plugins import recorder
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent

from gwt.admin import Admin, Dialled, Observed
from gwt.edge.listener import HttpFactory
from gwt.health import Health
from gwt.metrics import Meters, Metrics
from gwt.model.settings import Limits, Settings, load_settings
from gwt.phase.installed import Broken, Installed
from gwt.phase.plugintype import PluginType
from gwt.snapshot import Current

INSTALLED = Installed(
    [PluginType(recorder(name, 5, "access"), f"/x/{name}.py") for name in ("one", "two")],
    [Broken("/x/bad.py", "line 1: why")],
)

reactor: Any = installed


def settings(text: str = "") -> Settings:
    """What gateway.yaml says."""
    found, problems = load_settings(text, "gateway.yaml", {})
    assert found is not None, problems
    return found


class Plugged:
    """Plugins of which one is local."""

    def __init__(self) -> None:
        self.installed, self.local = INSTALLED, frozenset(["one", "unheard-of"])
        self.reloads = 0

    def reload(self) -> Deferred[list[str]]:
        self.reloads += 1
        return succeed(["one"])


class AdminCase(TestCase):
    """`admin` serves `world` at `port`."""

    text = "store: file:./routes\n"
    store: Any = None

    def setUp(self) -> None:
        self.world = World()
        self.world.put({"r.yaml": DOCUMENTS})
        self.current = Current(self.world.snapshot)
        self.health, self.meters = Health(reactor.seconds, "file:./routes"), Meters(Metrics.private())
        factory = HttpFactory(None, Limits(), reactor.seconds, lambda peer: False, None, None)  # type: ignore[arg-type]
        dialled = Dialled(reactor)
        proxy: Any = type("Proxy", (), {"live": 0, "retries": 0})()
        self.plugged, factories = Plugged(), {"proxy": factory}
        observed = Observed(
            self.current, self.health, self.meters, proxy, factories, reactor.seconds, self.plugged, lambda: self.store
        )  # fmt: skip
        self.admin = Admin(reactor, dialled, observed, settings(self.text))
        self.admin.start()
        self.addCleanup(self.admin.stop)
        self.listening = reactor.listenTCP(0, self.admin.site, interface="127.0.0.1")
        self.addCleanup(self.listening.stopListening)
        self.port = self.listening.getHost().port
        self.agent = Agent(reactor)

    @inlineCallbacks
    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Any:
        """(status, headers, body as JSON where it is, else as text)."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        response = yield treq.request(
            method, f"http://127.0.0.1:{self.port}{path}", data=body, headers=fields, agent=self.agent
        )
        text = yield treq.text_content(response)
        kind = response.headers.getRawHeaders("content-type", [""])[0]
        return response.code, response.headers, json.loads(text) if kind == "application/json" and text else text
