"""A Publisher with a store in memory and a clock of the test."""

from __future__ import annotations

from typing import Any

from controller.memory import MemoryReader
from twisted.internet.task import Clock

from gwt.controller.maps import Map, Maps
from gwt.controller.mirror import ALWAYS, Mirror
from gwt.controller.places import Places
from gwt.controller.publisher import Publisher
from gwt.controller.secrets import Secrets, reduce_secret

#: Seconds from one turn to the next of a slow one.
TURN = 0.002


class Rig:
    """Also its Leader, with `epoch`, and whoever is told. `secrets`: whether all are known, None: not followed.

    `slow`: each step of its work is a turn of its own, and the store takes its time: anything may happen in between.
    """

    def __init__(
        self, epoch: int | None = 1, synced: bool = True, names: Any = None, secrets: bool | None = None,
        slow: bool = False,
    ) -> None:  # fmt: skip
        self.clock, self.places = Clock(), Places(names)
        self.reader = MemoryReader(self.clock if slow else None)
        if names is not None:
            names.changed = self.places.resolved
        self.maps = Maps("gwt.io/route=true", ("*",))
        self.epoch, self.is_synced = epoch, synced
        self.outcomes: list[Any] = []
        self.lags: list[float] = []
        self.errors: list[str] = []
        self.secrets, self.knows_secrets = Secrets(lambda: 1e9, lambda: () if self.knows_secrets else ("n",)), secrets
        parts = ALWAYS if secrets is None else (*ALWAYS, "certificates")
        self.mirror = Mirror(self.reader, self.clock, lambda part, names: self.publisher.stored(part, names), parts)
        self.publisher = Publisher(
            self.clock, self.places, self.maps, self.mirror, self, lambda: self.is_synced, self, "controller x",
            lambda: 1e9, secrets=None if secrets is None else self.secrets,
        )  # fmt: skip
        if slow:
            pacer = self.publisher._pacer
            pacer.budget, pacer.later = 0.0, lambda turn: self.clock.callLater(TURN, turn)  # type: ignore[method-assign]
        self.publisher.start()
        self.mirror.start()

    def run(self, seconds: float = 3.0) -> None:
        """Let time pass."""
        for _ in range(int(seconds / 0.01)):
            self.clock.advance(0.01)

    def service(self, name: str, ports: tuple[int, ...] | None) -> None:
        value = None
        if ports is not None:
            listed = [{"port": port} for port in ports]
            value = {"metadata": {"namespace": "n", "name": name}, "spec": {"ports": listed}}
        self.publisher.services_touched(self.places.service(f"n/{name}", None, value))

    def config_map(self, name: str, text: str | None) -> None:
        before = self.maps.maps.get(f"n/{name}")
        after = None
        if text is not None:
            after = Map("n", name, "u", "", {"r.yaml": text}, {"gwt.io/route": "true"}, None)
        if self.maps.change(f"n/{name}", before, after):
            self.publisher.routes_touched()

    def secret(self, name: str, value: Any) -> None:
        after = None if value is None else reduce_secret(value)
        if self.secrets.change(f"n/{name}", self.secrets.kept.get(f"n/{name}"), after):
            self.publisher.secrets_touched()

    # -- Leader

    def fenced(self, epoch: int) -> None:
        self.epoch = None

    # -- Told

    def routes(self, desired: Any, outcome: Any) -> None:
        self.outcomes.append(outcome)

    def certificates(self, wanted: Any, outcome: Any) -> None:
        self.outcomes.append((wanted, outcome))

    def committed(self, part: str, entries: int, lag: float) -> None:
        self.lags.append(lag)

    def error(self, kind: str) -> None:
        self.errors.append(kind)


def route(name: str, host: str = "a.example.com") -> str:
    return f"{{name: {name}, hosts: [{host}], services: [{{name: s, port: 80, paths: [{{uri: /}}]}}]}}"
