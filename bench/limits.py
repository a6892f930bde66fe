"""Rate limits and zones: `python bench/limits.py [costs] [memory] [node] [cluster] [outage] [SECONDS]`.

`costs`: µs of a call, least of many short runs. `memory`: a million addresses. `node`: four workers of one node are
offered twice the rate for SECONDS (60). `cluster`: the same for three gateways on one Redis. `outage`: and Redis is
frozen for a third of the time. Without names: costs and memory.
"""

from __future__ import annotations

import itertools
import sys
import time
import timeit
from collections.abc import Callable
from pathlib import Path

import load  # noqa: F401 (says where the next are found)
from limiter.cluster import excess
from system.limiting import Offer, Offering, Result
from system.redis import RedisServer

from gwt.limit.lease import terms
from gwt.limit.selectors import Limit
from gwt.limiter.cluster import ClusterLimiter
from gwt.limiter.node import NodeLimiter
from gwt.zones.arena import Arena, Memory, PrivateArena, SharedArena
from gwt.zones.zone import Zone

RATES = ((1, 5), (100, 20), (10_000, 1000))
ADDRESSES = 1_000_000


class Echo:
    """A link whose answers are there at once: what is left is this process's own cost."""

    up = prompt = True

    def __init__(self) -> None:
        self.on_late: Callable[[], None] = lambda: None
        self.on_lost: Callable[[], None] = lambda: None

    def ask(self, key: bytes, arguments: tuple[bytes, ...], answered: Callable[[int, float], None]) -> None:
        answered(int(arguments[3]), 0.0)


def best(call: Callable[[], object], number: int = 100, repeat: int = 2000) -> float:
    """The least cost of one call in µs, less that of calling anything."""
    empty = min(timeit.repeat(lambda: None, number=number, repeat=repeat))
    return (min(timeit.repeat(call, number=number, repeat=repeat)) - empty) / number * 1e6


def limit(rate: int, burst: int) -> Limit:
    return Limit(rate, burst, lambda asker: b"key")


def arenas() -> dict[str, Arena]:
    return {"one worker": PrivateArena(), "shared": SharedArena(Memory.make().descriptor)}


def costs() -> None:
    for name, arena in arenas().items():
        limiters(name, arena)
        zones(arena)
    lmdb()


def limiters(name: str, arena: Arena) -> None:
    wide, shut, now = limit(10**9, 10**9), limit(1, 0), time.monotonic()
    node, cluster = NodeLimiter(arena), ClusterLimiter(arena, Echo(), time.monotonic, 3)
    keys = itertools.cycle([b"global ip 10.1.%d.%d" % divmod(number, 256) for number in range(20_000)])
    two = ((b"a", wide), (b"b", wide))
    node.admit(b"shut", shut, now)
    print(f"{name}: admit {best(lambda: node.admit(b'k', wide, now)):.2f} µs, ", end="")
    print(f"refuse {best(lambda: node.admit(b'shut', shut, now)):.2f}, ", end="")
    print(f"20,000 keys in turn {best(lambda: node.admit(next(keys), wide, now)):.2f}, ", end="")
    print(f"two limits {best(lambda: node.admit_all(two, now)):.2f}; ", end="")
    print(f"from a lease of Redis {best(lambda: cluster.admit(b'k', wide, now)):.2f}")


def zones(arena: Arena) -> None:
    zone = Zone.of(arena, "bench", 100_000)
    zone.set("user:abc", b"x" * 40)
    calls: dict[str, Callable[[], object]] = {
        "get": lambda: zone.get("user:abc"),
        "set": lambda: zone.set("user:abc", b"y" * 40),
        "add": lambda: zone.add("user:abc", 2),
        "incr": lambda: zone.incr("n"),
        "expire": lambda: zone.expire("n", 100.0),
        "delete": lambda: zone.delete("none"),
    }
    print("  zone:", ", ".join(f"{call} {best(calls[call]):.2f} µs" for call in calls))


def lmdb() -> None:
    """What a change of one key of 100,000 takes in LMDB, where that is installed: a transaction each, no sync."""
    try:
        import lmdb
    except ImportError:
        return
    import tempfile

    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        env = lmdb.open(directory, map_size=1 << 29, sync=False, metasync=False, writemap=True, meminit=False)
        with env.begin(write=True) as all_of_them:
            for number in range(100_000):
                all_of_them.put(b"%16d" % number, bytes(16))
        keys = itertools.cycle([b"%16d" % (number * 7919 % 100_000) for number in range(20_000)])

        def change() -> None:
            with env.begin(write=True) as one:
                key = next(keys)
                one.get(key)
                one.put(key, bytes(16))

        print(f"  LMDB: a change {best(change, 20, 500):.2f} µs")


def resident() -> int:
    """Bytes of this process in memory, shared pages in full."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def memory() -> None:
    slow = limit(1, 0)
    for name, arena in arenas().items():
        for kind in ("node", "cluster"):
            limiter: NodeLimiter | ClusterLimiter
            limiter = NodeLimiter(arena) if kind == "node" else ClusterLimiter(arena, Echo(), time.monotonic, 1)
            before, now = resident(), time.monotonic()
            for number in range(ADDRESSES):
                limiter.admit(b"global ip 10.%d.%d.%d" % (number >> 16, number >> 8 & 255, number & 255), slow, now)
            taken = (resident() - before) / 2**20
            kept = sum(
                limiter._table.find(b"global ip 10.%d.%d.%d" % (number >> 16, number >> 8 & 255, number & 255)) >= 0
                for number in range(ADDRESSES)
            )
            print(f"{ADDRESSES} addresses, {kind}, {name}: {taken:.0f} MiB (bar 200), {kept / ADDRESSES:.3%} kept")


def told(times: list[float], offer: Offer, workers: list[Result], allowed: float) -> None:
    """Print what was let through, against the bars."""
    made = sum(worker.requests for worker in workers)
    share = len(times) / (offer.rate * offer.seconds)
    over = excess(times, offer.rate) - offer.burst - 1
    whole = len(times) - offer.rate * offer.seconds - offer.burst - 1
    print(
        f"  {offer.rate}/s, burst {offer.burst}: {made / offer.seconds:.0f}/s offered, {share:.4f} of rate * t let "
        f"through (0.97), {whole:+.1f} of rate * t + burst + 1 (0); in any window {over:+.1f} ({allowed:g})",
        end="",
    )


def node(seconds: float) -> None:
    print(f"four workers of a node, {seconds:g} s")
    for rate, burst in RATES:
        offer = Offer(rate, burst, seconds)
        with Offering(offer, workers=4) as offering:
            workers = offering.results()[0]
        told(sorted(moment for worker in workers for moment in worker.admitted), offer, workers, 0)
        print()


def cluster(seconds: float) -> None:
    print(f"three gateways on one Redis, {seconds:g} s")
    for rate, burst in RATES:
        on_redis(Offer(rate, burst, seconds))


def on_redis(offer: Offer, frozen: float = 0.0) -> None:
    with RedisServer() as redis, Offering(offer, workers=1, gateways=3, redis=redis.port) as offering:
        if frozen:
            time.sleep(max(0.0, offering.begin + frozen - time.monotonic()))
            with redis.frozen():
                time.sleep(frozen)
            back = time.monotonic()
        workers = [worker for gateway in offering.results() for worker in gateway]
    allowed = max(offer.rate * 0.1, 3) * bool(terms(offer.rate, offer.burst, 3).credit)
    told(sorted(moment for worker in workers for moment in worker.admitted), offer, workers, allowed)
    made = sum(worker.requests for worker in workers)
    asked, waits = sum(worker.questions for worker in workers), [one for worker in workers for one in worker.waits]
    print(f"; {asked / made:.4f} round trips a request (0.1 at the highest), {len(waits) / made:.2%} waited", end="")
    print(f", {max((end - begin for begin, end in waits), default=0) * 1000:.0f} ms at most", end="")
    if frozen:
        ups = [min(moment for moment, what in worker.events if what == "up" and moment > back) for worker in workers]
        print(f"; back after {max(ups) - back:.2f} s (2)", end="")
    print(f"; {sum(len(worker.errors) for worker in workers)} errors")


def outage(seconds: float) -> None:
    print(f"three gateways, Redis frozen for {seconds / 3:g} of {seconds:g} s")
    on_redis(Offer(1000, 100, seconds), frozen=seconds / 3)


def main(*arguments: str) -> None:
    seconds = float(next((word for word in arguments if word.isdecimal()), 60))
    names = [word for word in arguments if not word.isdecimal()] or ["costs", "memory"]
    for name in names:
        {"costs": costs, "memory": memory, "node": lambda: node(seconds), "cluster": lambda: cluster(seconds),
         "outage": lambda: outage(seconds)}[name]()  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
