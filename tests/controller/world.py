"""Controllers, a cluster and a store on Clocks: whole ones, as `gwt.controlling` makes them, but for sockets.

world = World(PlayedRedis())
world.begin()
world.cluster.put("services", service("n/s"))
world.run(3.0)
"""

from __future__ import annotations

import math
from typing import Any

from kube.played import Played, PlayedApi
from twisted.internet.task import Clock

from gwt.controller.controller import Controller
from gwt.metrics import Metrics
from gwt.model.controlleroptions import ControllerSettings

#: Calls at one moment: more of them never end.
MOST = 10_000


class Process:
    """A controller; `frozen`: it gets no time, and then all that it missed at once."""

    def __init__(self, world: World, identity: str, at: float) -> None:
        self.clock = Clock()
        self.clock.advance(at)
        self.identity, self.frozen = identity, False
        self.api = PlayedApi(world.cluster, self.clock)
        self.reader = world.store.reader(self.clock)
        self.controller = Controller(
            self.clock, self.api, ControllerSettings(namespaces=("n",)), self.reader,  # type: ignore[arg-type]
            identity, lambda: 1e9 + self.clock.seconds(), Metrics.private(),
        )  # fmt: skip
        self.controller.start()

    @property
    def leads(self) -> bool:
        return self.controller.leading.epoch is not None

    @property
    def next(self) -> float:
        """When something happens by itself."""
        calls = self.clock.getDelayedCalls()
        return math.inf if self.frozen or not calls else min(call.getTime() for call in calls)


class World:
    """`processes` are alive. `store` is a PlayedRedis or a PlayedEtcd."""

    def __init__(self, store: Any) -> None:
        self.now = 0.0
        self.store, self.cluster = store, Played()
        self.processes: list[Process] = []
        self._number = 0

    def begin(self) -> Process:
        """One more controller."""
        self._number += 1
        self.processes.append(Process(self, f"c{self._number}", self.now))
        return self.processes[-1]

    def kill(self, process: Process) -> None:
        """It is gone, without a word."""
        self.processes.remove(process)
        self.store.drop(process.reader)
        for one in [one for one in self.cluster.watches if one.api is process.api]:
            self.cluster.watches.remove(one)

    def end(self, process: Process) -> None:
        """SIGTERM."""
        self.thaw(process)
        process.controller.stop()
        self.run(1.0)
        self.kill(process)

    def thaw(self, process: Process) -> None:
        if process.frozen:
            process.frozen = False
            process.clock.advance(self.now - process.clock.seconds())

    def run(self, seconds: float) -> None:
        """Let time pass."""
        until, calls = self.now + seconds, 0
        while (at := min((one.next for one in self.processes), default=math.inf)) <= until:
            calls = calls + 1 if at <= self.now else 0
            assert calls < MOST, "this never ends"
            self._to(max(at, self.now))
        self._to(until)

    def _to(self, at: float) -> None:
        self.now = at
        for one in self.processes:
            if not one.frozen:
                one.clock.advance(max(at - one.clock.seconds(), 0.0))

    def heal(self) -> None:
        """Nothing is wrong any more, but that somebody has to find out."""
        self.cluster.down = self.cluster.tear = False
        self.cluster.faults.clear()
        self.cluster.lies.clear()
        self.store.deaf = self.store.lose = False
        self.store.set_down(False)
        for process in self.processes:
            self.thaw(process)
            process.api.apart = False
        self.cluster.release()
        if not self.processes:
            self.begin()
