"""What certificates cost the event loop: `python bench/keychains.py [KIND] [NAMES] [SWAPS]`.

KIND is `redis` or `files`. In this process: the store, what compiles it, the keychains and their figures, as a gateway
has them. A ticker in the same event loop notes how late it is called while NAMES certificates (1,000) come in at once,
and while one after another is swapped. Printed are the worst stalls (by the wall clock, which other processes disturb,
and in CPU time of the loop's thread alone) and the time from a swap until it is in force; files are looked at at once
here, where a gateway looks each second. bench/renewals.py asks a whole gateway from outside.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from change import Ticker  # installs what a gateway runs on, and says where the tests are found

# isort: split

from certificates import Authority, Pair
from system.redis import RedisServer
from system.shared import RedisStore
from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import deferLater, react
from twisted.internet.threads import deferToThread, deferToThreadPool

from gwt.balance.endpoint import Registry
from gwt.compile import empty_snapshot
from gwt.keychains import Keychains
from gwt.metrics import Metrics
from gwt.model.options import Tls
from gwt.snapshot import Current
from gwt.store.open import open_store
from gwt.store.refresh import Refresher
from gwt.surroundings import Surroundings
from gwt.tlsfigures import TlsFigures

CA = Authority()
clock: Any = reactor


class Bench:
    """A store (an empty Redis, too, for files) and the keychains that serve it."""

    def __init__(self, kind: str) -> None:
        self.kind, self.root = kind, Path(tempfile.mkdtemp(prefix="gwt-keychains-"))
        self.redis = RedisStore(RedisServer().__enter__())
        surroundings = Surroundings(Registry(time.monotonic, random.random))
        self.current = Current(empty_snapshot(surroundings))
        store: Any = open_store(self.redis.url, clock, str(self.root), 30.0)
        self.refresher = Refresher(store, self.current, surroundings, clock, 1.0, lambda event: None)
        tls = Tls(directory=str(self.root)) if kind == "files" else Tls()
        self.keychains = Keychains(tls, self.root, [b"http/1.1"], b"secret", time.time)
        self.current.watch(lambda snapshot: self.keychains.follow(snapshot.certificates))
        self._last, self._in_force = ("", CA.pair("nobody")), Deferred[float]()
        self.keychains.changed = self._changed
        self.figures = TlsFigures(Metrics.private(), self.keychains, time.time)

    def put(self, pairs: dict[str, Pair]) -> None:
        if self.kind == "redis":
            entries = {name: {"cert": pair.cert, "key": pair.key} for name, pair in pairs.items()}
            self.redis.write("certificates", {"certificates": entries})
        else:
            for name, pair in pairs.items():
                pair.write(self.root, name)

    @inlineCallbacks
    def change(self, pairs: dict[str, Pair]) -> Any:
        """Fires with the seconds from when they were written until the last of them is in force."""
        yield deferToThread(self.put, pairs)
        begun = time.perf_counter()
        self._last = list(pairs.items())[-1]
        self._in_force = Deferred()
        while not self._in_force.called:
            self.keychains.look(partial(deferToThreadPool, clock, clock.getThreadPool()))
            yield deferLater(clock, 0.01 if self.kind == "files" else 0.001)
        seen = yield self._in_force
        return seen - begun

    def _changed(self) -> None:
        """Something else is in force: see whether it is what is waited for."""
        name, pair = self._last
        held = self.keychains.certificates.values()
        if not self._in_force.called and any(
            one.names == (name,) and one.chain.strip() == pair.cert.strip() for one in held
        ):
            self._in_force.callback(time.perf_counter())

    @inlineCallbacks
    def figured(self) -> Any:
        """What is counted once a second is counted."""
        for _ in range(6):
            yield deferLater(clock, 0.02, self.figures.publish)


@inlineCallbacks
def main(_: Any, kind: str = "redis", names: str = "1000", swaps: str = "50") -> Any:
    bench, count = Bench(kind), int(names)
    pairs = {f"h{number}.example.com": CA.pair(f"h{number}.example.com") for number in range(count)}
    more = {name: CA.pair(name) for name in list(pairs)[:: max(1, count // int(swaps))]}
    bench.redis.fill()
    yield bench.refresher.start()
    ticker = Ticker()
    yield deferLater(clock, 0.5)
    ticker.take()
    took = yield bench.change(pairs)
    yield bench.figured()
    print(f"{count} certificates at once: in force after {took * 1e3:.0f} ms; {ticker.take()}")
    found = []
    for name, pair in more.items():
        found.append((yield bench.change({name: pair})))
        yield bench.figured()
    told = f"median {statistics.median(found) * 1e3:.1f} ms, worst {max(found) * 1e3:.1f} ms"
    print(f"{len(found)} swaps: in force after {told}; {ticker.take()}")
    yield bench.refresher.stop()
    bench.redis.server.__exit__(None, None, None)


if __name__ == "__main__":
    react(main, sys.argv[1:])
