"""Upstreams that die, lie and stall, in a process of their own: it prints `{name: address}` as JSON, then serves.

What they do costs them time, and the good client beside them must not pay for it: hence the process.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

try:
    from uvloop import new_event_loop
except ImportError:
    from asyncio import new_event_loop

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BEGUN = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this"
BIG = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000
RESET = struct.pack("ii", 1, 0)


async def ok(writer: StreamWriter) -> None:
    writer.write(OK)


async def big(writer: StreamWriter) -> None:
    writer.write(BIG)
    await writer.drain()


async def reset(writer: StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


async def cut(writer: StreamWriter) -> None:
    writer.write(BEGUN)
    writer.close()


async def stall(writer: StreamWriter) -> None:
    writer.write(BEGUN)


async def hang(writer: StreamWriter) -> None:
    """Says nothing."""


async def garbage(writer: StreamWriter) -> None:
    writer.write(b"\0\1\2 nonsense\r\n\r\n")
    writer.close()


async def without_end(writer: StreamWriter, first: bytes, rest: bytes) -> None:
    writer.write(first)
    while not writer.is_closing():
        writer.write(rest)
        await writer.drain()
        await asyncio.sleep(0)


heads = partial(without_end, first=b"HTTP/1.1 200 OK\r\n", rest=b"X-Endless: %b\r\n" % (b"x" * 65536))
bytewise = partial(without_end, first=b"HTTP/1.1 200 OK\r\nX-Endless: ", rest=b"x")
interim = partial(without_end, first=b"", rest=b"HTTP/1.1 102 Processing\r\n\r\n" * 2000)
chunks = partial(
    without_end, first=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", rest=b"1\r\nx\r\n" * 10_000
)
gibibyte = partial(without_end, first=b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 30), rest=bytes(262_144))

VILLAINS: dict[str, Callable[[StreamWriter], Awaitable[None]]] = {
    "ok": ok, "big": big, "reset": reset, "cut": cut, "stall": stall, "hang": hang, "garbage": garbage,
    "heads": heads, "bytewise": bytewise, "interim": interim, "chunks": chunks, "gibibyte": gibibyte,
}  # fmt: skip


async def serve(reader: StreamReader, writer: StreamWriter, answer: Callable[[StreamWriter], Awaitable[None]]) -> None:
    """Answer each head that comes; the end of the connection is the end."""
    held = b""
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            held += data
            while b"\r\n\r\n" in held:
                held = held.partition(b"\r\n\r\n")[2]
                await answer(writer)
            held = held[-3:]
    writer.close()


async def main() -> None:
    addresses = {}
    for name, answer in VILLAINS.items():
        server = await asyncio.start_server(partial(serve, answer=answer), "127.0.0.1", 0, backlog=4096)
        addresses[name] = "{}:{}".format(*server.sockets[0].getsockname())
    print(json.dumps(addresses), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
