"""Sealed cookies under load: `python bench/logins.py [SESSIONS] [REQUESTS]`.

100,000 requests of 64 clients with 20,000 distinct session cookies, each of which has to be opened once: all must be
answered. Then as many with a forged cookie each: none may be let in. Printed are failures and the CPU time a request
when cookies are seen for the first time and when they were seen before.
"""

from __future__ import annotations

import sys
import tempfile
from base64 import b64encode
from pathlib import Path

from load import GatewayProcess, LoadLoop, spent

from gwt.identity.keyring import Keyring

KEY = bytes(range(32))
HOST = b"shop.example.com\r\nCookie: session=%b"  # the field that follows rides on the Host's back


def documents(address: str) -> list[dict[str, object]]:
    service = {"upstream": "u", "paths": [{"uri": "/"}]}
    route = {"hosts": ["shop.example.com"], "access": {"auth_type": "login"}, "services": [service]}
    return [route, {"upstreams": {"u": [address]}}]


def forged(cookie: bytes) -> bytes:
    """The same with one letter of the sealed text changed."""
    at = len(cookie) * 3 // 4
    return cookie[:at] + (b"A" if cookie[at : at + 1] != b"A" else b"B") + cookie[at + 1 :]


def main(sessions: str = "20000", requests: str = "100000") -> None:
    keyring = Keyring([KEY])
    cookies = [keyring.seal({"sub": f"user{number}", "exp": 2**40}).encode() for number in range(int(sessions))]
    settings = {"identity": {"keys": [b64encode(KEY).decode()]}}
    with tempfile.TemporaryDirectory(prefix="gwt-bench-") as root, LoadLoop() as loop:
        with GatewayProcess(Path(root), documents(loop.origin()), settings) as gateway:
            for what, total in (("first seen", len(cookies)), ("seen before", int(requests) - len(cookies))):
                before = spent(gateway.popen.pid)[0]
                report = loop.run(gateway.proxy, [HOST % cookie for cookie in cookies], total)
                each = (spent(gateway.popen.pid)[0] - before) / total * 1e6
                print(f"{what}: {total} requests, {sum(report.failed.values())} failed, {each:.0f} µs CPU a request")
            report = loop.run(gateway.proxy, [HOST % forged(cookie) for cookie in cookies], len(cookies))
            refused = sum(count for why, count in report.failed.items() if why.startswith("status 401"))
            print(f"forged: {len(cookies)} requests, {refused} refused, {report.done} let in")


if __name__ == "__main__":
    main(*sys.argv[1:])
