"""Are calls of gRPC spread evenly? `python bench/grpc_fairness.py [CALLS]`.

One connection of a client, 10,000 calls, 50 at a time, three endpoints: how many each got, and how many failed. Then
the same while an endpoint leaves and another comes. grpcio is the caller, and the servers.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]

import grpc  # noqa: E402
from system.grpcs import Loop, Server  # noqa: E402
from system.harness import PATIENCE, GatewayProcess  # noqa: E402

AT_ONCE = 50


def documents(servers: list[Server]) -> list[dict[str, Any]]:
    service = {"upstream": "all", "protocol": "grpc", "paths": [{"uri": "/"}]}
    addresses = [server.address for server in servers]
    return [{"name": "all", "hosts": ["*"], "services": [service]}, {"upstreams": {"all": addresses}}]


def ask(call: Any, count: int) -> int:
    """So many calls; how many failed."""
    failed = 0
    for _ in range(count // AT_ONCE):
        for one in [call.future(b"x") for _ in range(AT_ONCE)]:
            failed += one.exception(PATIENCE) is not None
    return failed


def main(count: int) -> int:
    loop = Loop()
    servers = [Server(loop) for _ in range(4)]
    with (
        tempfile.TemporaryDirectory() as directory,
        GatewayProcess(Path(directory), documents(servers[:3])) as gateway,
        grpc.insecure_channel(f"127.0.0.1:{gateway.proxy}") as channel,
    ):
        call = channel.unary_unary("/demo.Any/Echo")
        begun = time.perf_counter()
        failed = ask(call, count)
        seconds = time.perf_counter() - begun
        counts = [server.handlers.calls for server in servers[:3]]
        spread = (max(counts) - min(counts)) / (sum(counts) / 3)
        print(f"{count} calls in {seconds:.1f} s on one connection: {counts}, spread {spread:.2%}, {failed} failed")
        gateway.write(documents(servers[1:]))
        moved = ask(call, count)
        servers[0].stop(grace=PATIENCE)
        print(f"{count} calls while an endpoint leaves and one joins: the new one got {servers[3].handlers.calls},"
              f" {moved} failed")  # fmt: skip
        return int(failed + moved > 0 or spread > 0.01)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
