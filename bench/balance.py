"""What a pick costs, in µs and as multiples of a list increment on the same machine: `python bench/balance.py`."""

from __future__ import annotations

import random
import time
import timeit
from collections.abc import Callable

from gwt.balance.endpoint import Registry
from gwt.balance.least import observe
from gwt.balance.upstream import Upstream
from gwt.model.route import Balance, EndpointSpec, ServiceSpec


def best(call: Callable[[], object], number: int = 2000, repeat: int = 50) -> float:
    """The lowest cost of one call, in µs, less that of calling anything."""
    empty = min(timeit.repeat(lambda: None, number=number, repeat=repeat))
    return (min(timeit.repeat(call, number=number, repeat=repeat)) - empty) / number * 1e6


def service(size: int, weights: tuple[int, ...] = (1,), key: str = "bench") -> ServiceSpec:
    specs = [EndpointSpec(f"10.0.{i // 250}.{i % 250}:80", weight=weights[i % len(weights)]) for i in range(size)]
    return ServiceSpec(key, tuple(specs))


def main() -> None:
    registry = Registry(time.monotonic, random.random)
    cells = memoryview(bytearray(80)).cast("q")

    def increment() -> None:
        cells[7] += 1

    unit = best(increment)
    print(f"{'cells[i] += 1':34}{unit:8.2f} µs")

    def show(name: str, call: Callable[[], object]) -> None:
        cost = best(call)
        print(f"{name:34}{cost:8.2f} µs{cost / unit:8.1f} x")

    for size in (10, 100):
        plain = Upstream.of(service(size, key=f"plain{size}"), registry)
        weighted = Upstream.of(service(size, (1, 2, 5), f"weighted{size}"), registry)
        for kind in ("round_robin", "least_conn", "p2c"):
            show(f"{kind}, {size} equal", plain.picker(Balance(kind)).pick)
            show(f"{kind}, {size} weighted", weighted.picker(Balance(kind)).pick)
        tried = (plain.endpoints[0],)
        turns, sticky = plain.picker(Balance()), plain.picker(Balance("sticky"))
        show(f"round_robin, {size}, one tried", lambda: turns.pick(None, tried))  # noqa: B023
        show(f"sticky, {size}, known key", lambda: sticky.pick(b"alice"))  # noqa: B023
        keys = iter([b"user-%d" % number for number in range(200_000)])
        show(f"sticky, {size}, new key", lambda: sticky.pick(next(keys)))  # noqa: B023
        for endpoint in plain.endpoints:
            endpoint.state.inflight = 3
            observe(endpoint.state, 0.01, registry.clock())
        show(f"least_conn, {size} busy", plain.picker(Balance("least_conn")).pick)
        show(f"p2c, {size} observed", plain.picker(Balance("p2c")).pick)
        show(f"replaced, {size}", lambda: plain.replaced(service(size, (2,))))  # noqa: B023


if __name__ == "__main__":
    main()
