"""What routing costs: `python bench/router.py [ROUTES]`.

Prints microseconds for a look-up with 10 and with ROUTES (100,000) routes of two paths each, their ratio, the time
and memory that a table takes to build, and the time of a change. Compare within one run: machines and minutes differ.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gwt.route.entry import Entry, pattern
from gwt.route.hosts import normalise_host
from gwt.route.path import both_forms, normalise
from gwt.route.router import Router

ROUNDS, CALLS = 100, 400


def table(routes: int) -> dict[str, list[Entry]]:
    """`routes` hosts of two paths each."""
    return {f"host-{n}.example.com": host(n) for n in range(routes)}


def host(number: int) -> list[Entry]:
    name = f"route-{number}"
    return [Entry(b"/headers", name=name, target=(number, 0)), Entry(b"/", name=name, target=(number, 1))]


def one_host(routes: int) -> dict[str, list[Entry]]:
    """`routes` routes of two paths that share one host."""
    entries = [Entry(f"/t{n % 100}/app-{n}{tail}".encode(), name=f"r{n}") for n in range(routes) for tail in ("", "/x")]
    return {"one.example.com": entries}


Work = tuple[Callable[..., Any], list[tuple[Any, ...]]]


def nothing(*arguments: object) -> None:
    """A call that does nothing: what every figure includes."""


def costs(*works: Work) -> list[float]:
    """Microseconds a call for each (call, arguments of the calls of a round): the best of rounds taken in turn."""
    best = [float("inf")] * len(works)
    for _ in range(ROUNDS):
        for number, (call, asked) in enumerate(works):
            started = time.perf_counter()
            for arguments in asked:
                call(*arguments)
            best[number] = min(best[number], (time.perf_counter() - started) / len(asked) * 1e6)
    return best


def cost(call: Callable[..., Any], *arguments: Any) -> float:
    """Microseconds a call, the loop that makes it included."""
    return costs((call, [arguments] * CALLS))[0]


def lookups(router: Router, routes: int) -> Work:
    # The same few hosts of each table, so that the processor's caches see the same work.
    hosts = [f"host-{n * routes // 10}.example.com".encode() for n in range(10)]
    paths = [b"/headers", b"/api/v1/users/1234", b"/", b"/headers/x"]
    return router.match, [(hosts[n % 10], paths[n % 4], None) for n in range(CALLS)]


def shared_host(routes: int) -> Work:
    router = Router().with_hosts(one_host(routes))
    return router.match, [(b"one.example.com", f"/t{n % 10}/app-{n % 10}/y".encode(), None) for n in range(CALLS)]


def measure_build(routes: int) -> Router:
    gc.collect()
    started = time.perf_counter()
    entries = table(routes)
    made = time.perf_counter()
    router = Router().with_hosts(entries)
    done = time.perf_counter()
    print(f"build {routes} routes x 2 paths: entries {made - started:.2f} s, router {done - made:.2f} s")
    return router


def measure_memory(routes: int) -> None:
    entries = table(routes)
    tracemalloc.start()
    router = Router().with_hosts(entries)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"memory of the router beside its entries: {size / routes:.0f} bytes a route")
    del router


def measure_change(router: Router) -> None:
    best = float("inf")
    for number in range(10):
        started = time.perf_counter()
        router.with_hosts({"host-5.example.com": host(number)})
        best = min(best, time.perf_counter() - started)
    print(f"change of one host: {best * 1e3:.2f} ms")


def measure_paths() -> None:
    plain, odd = b"/api/v1/users/1234/orders", b"/a/%7euser/../b%20c//d"
    print(f"an empty call: {cost(nothing, plain):.2f} us (in every figure here)")
    print(f"normalise: plain {cost(normalise, plain):.2f} us, odd {cost(normalise, odd):.2f} us")
    print(f"both forms: plain {cost(both_forms, plain):.2f} us")
    print(f"normalise_host: known {cost(normalise_host, b'Foo.example.com:8080'):.2f} us")


def measure_kinds() -> None:
    uris = [
        ("/", "prefix"),
        ("/api", "prefix"),
        ("/health", "exact"),
        ("/users/{id}", "template"),
        (r"\.php$", "regex"),
    ]
    paths = (b"/health", b"/users/1", b"/api/v1/x/y")
    for count in range(1, 6):
        entries = [Entry(pattern(uri, match), match, target=uri) for uri, match in uris[:count]]
        router = Router().with_hosts({"h": entries})
        us = costs(*((router.match, [(b"h", path, None)] * CALLS) for path in paths))
        print(f"host with {count} paths, the last {uris[count - 1]}: " + ", ".join(f"{one:.2f}" for one in us) + " us")


def main() -> None:
    routes = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    few, many = Router().with_hosts(table(10)), measure_build(routes)
    measure_change(many)
    small, large = costs(lookups(few, 10), lookups(many, routes))
    print(f"match: {small:.2f} us with 10 routes, {large:.2f} us with {routes}: x {large / small:.2f}")
    del many
    small, large = costs(shared_host(10), shared_host(routes))
    print(f"on one host: {small:.2f} us with 10 routes, {large:.2f} us with {routes}: x {large / small:.2f}")
    measure_memory(routes)
    measure_paths()
    measure_kinds()


if __name__ == "__main__":
    main()
