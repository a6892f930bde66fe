"""What address lists, a login and rate limits cost a request: `python bench/guards.py`, in µs, against a leaf without
a chain.

The cookie was seen before, the list has 100 CIDRs, limits are in memory that workers share. Least of many short runs.
"""

from __future__ import annotations

import timeit
from base64 import b64encode

from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.delta import Delta
from gwt.identities import keyring_of
from gwt.limiter.node import NodeLimiter
from gwt.login import login_of, nobody
from gwt.model.options import Identity
from gwt.model.route import Access, Path, RateLimit, Route, Service
from gwt.model.secret import Secret
from gwt.phase.exchange import Exchange
from gwt.surroundings import Surroundings
from gwt.wire.request import parse_request
from gwt.zones.arena import Memory, SharedArena

IDENTITY = Identity(keys=(Secret(b64encode(b"k" * 32).decode()),))
COOKIE = keyring_of(IDENTITY).seal({"sub": "alice", "exp": 2**40})
HEAD = parse_request(b"GET /api HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nCookie: session=" + COOKIE.encode())
LIMITER = NodeLimiter(SharedArena(Memory.make().descriptor))
WIDE = RateLimit(10**9, 10**9, ("ip",))
DENY = tuple(f"10.{number}.0.0/24" for number in range(100))


def cost(access: Access) -> float:
    """Of one request of a leaf with this policy."""
    surroundings = Surroundings(
        Registry(lambda: 0.0, lambda: 0.5), login=login_of(IDENTITY, nobody), limiter=LIMITER
    )  # fmt: skip
    route = Route("r", ("a",), access=access, services=(Service(upstream="u", paths=(Path("/"),)),))
    snapshot = compile_now(empty_snapshot(surroundings), Delta(1, {"r": route}), surroundings)
    leaf = snapshot.router.entries_of("a")[0].target
    fields = HEAD.fields

    def once() -> None:
        exchange = Exchange(HEAD)
        exchange.client, exchange.leaf = "198.51.100.7", leaf
        if leaf.chain is not None:
            leaf.chain.run(lambda exchange, leaf: None, exchange, leaf)
        HEAD.fields = fields

    return min(timeit.repeat(once, number=5000, repeat=40)) / 5000 * 1e6


def main() -> None:
    """Print one line for each kind of policy."""
    plain = cost(Access())
    kinds = {
        "ip_deny": Access(ip_deny=DENY),
        "login": Access(auth_type="login"),
        "both": Access(ip_deny=DENY, auth_type="login"),
        "limit by ip": Access(rate_limits=(WIDE,)),
        "two limits": Access(rate_limits=(WIDE, RateLimit(10**9, 10**9))),
    }
    for name, access in kinds.items():
        print(f"{name:11} {cost(access) - plain:6.2f} µs")


if __name__ == "__main__":
    main()
