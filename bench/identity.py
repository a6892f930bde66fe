"""What it costs to know who asks, and whether the address may: `python bench/identity.py`.

Prints microseconds of CPU for each; `nothing` is the call that every figure includes. Compare within one run.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gwt.addresses import AddressSet
from gwt.identity.cookie import SessionCookie
from gwt.identity.keyring import Keyring
from gwt.identity.sealed import Sealed
from gwt.lists import AddressLists
from gwt.steps import finish

SESSIONS, CIDRS = 20_000, 100_000


def cost(work: Callable[[Any], Any], arguments: list[Any]) -> float:
    """The best of five rounds, microseconds a call."""
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for argument in arguments:
            work(argument)
        best = min(best, time.process_time() - start)
    return best / len(arguments) * 1e6


def fresh(fields: list[bytes]) -> list[bytes]:
    """Equal bytes in other objects, as they come from the wire: their hashes are not known yet."""
    return [bytes(bytearray(field)) for field in fields]


def once(work: Callable[[Any], Any], arguments: list[Any]) -> float:
    start = time.process_time()
    for argument in arguments:
        work(argument)
    return (time.process_time() - start) / len(arguments) * 1e6


def identities(say: Callable[[str, float], None]) -> None:
    keyring = Keyring([b"k" * 32])
    who = Sealed(keyring, SessionCookie("session"), time.time)
    claims = [{"sub": f"user-{n}", "exp": time.time() + 600, "roles": ["a", "b"]} for n in range(SESSIONS)]
    fields = [b"_ga=GA1.2.123456789.1234567; theme=dark; session=" + keyring.seal(one).encode() for one in claims]
    say("open a sealed cookie", once(who.of, fields))
    say(f"{SESSIONS:,} cookies, seen before", once(who.of, fresh(fields)))
    say("one cookie, seen before", cost(who.of, fields[:1] * SESSIONS))
    say("a known cookie in another field", once(who.of, [b"x=1; " + field for field in fields]))
    forged = [field[:-8] + b"forgedA" + b"A" for field in fields[:2000]]
    say("a forged cookie", once(who.of, forged))
    say("the same, seen before", once(who.of, fresh(forged)))
    say("no session cookie", once(who.of, fresh([b"_ga=GA1.2.123456789.1234567; theme=dark"] * SESSIONS)))


def addresses(say: Callable[[str, float], None]) -> None:
    chance = random.Random(1)
    cidrs = [f"{chance.randrange(1, 224)}.{chance.randrange(256)}.{chance.randrange(256)}.0/29" for _ in range(CIDRS)]
    start = time.process_time()
    lists = finish(AddressLists().follow({"many": tuple(cidrs)}))
    print(f"{'compile':>40} {(time.process_time() - start) * 1e3:9.1f} ms for {CIDRS:,} CIDRs")
    few = [f"{chance.randrange(1, 224)}.1.2.{n % 256}" for n in range(1000)] * 20
    many = [f"{chance.randrange(1, 224)}.{n >> 8 & 255}.{n & 255}.7" for n in range(CIDRS)]
    large, small = lists.rule(["@many"], ["192.0.2.0/24"]), lists.rule(["10.0.0.0/8"], None)
    assert large is not None and small is not None
    say("1,000 clients, one CIDR", cost(small.admits, few))
    say(f"1,000 clients, {CIDRS:,} CIDRs and a deny", cost(large.admits, few))
    say(f"{CIDRS:,} clients, {CIDRS:,} CIDRs and a deny", once(large.admits, many))
    say("a set of 100,000, seen before", cost(AddressSet.of(cidrs).__contains__, few))


def main() -> None:
    def say(what: str, microseconds: float) -> None:
        print(f"{what:>40} {microseconds:9.2f} us")

    say("nothing", cost(lambda argument: None, [1] * 100_000))
    identities(say)
    addresses(say)


if __name__ == "__main__":
    main()
