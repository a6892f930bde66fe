"""Real gRPC: servers and callers of grpcio, with bytes for messages, and a gateway between them.

Methods of every service: `Echo` (unary), `Count` (server streams), `Join` (client streams), `Upper` (both, at once),
`Status` (ends as the request says), `Sleep`, `Meta` (what the server was told), `Meet` (waits until so many are here).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any

import grpc
import grpc.aio
from system.harness import PATIENCE

LARGE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Awaitable[Any]) -> Any:
        """What `work` gives."""
        future: Future[Any] = asyncio.run_coroutine_threadsafe(work, self.loop)  # type: ignore[arg-type]
        return future.result(2 * PATIENCE)


class Handlers(grpc.GenericRpcHandler):
    """See above. `calls` were made, `told` is the metadata of the last; of those that sleep `begun` had come as far as
    that, and `cancelled` were given up."""

    def __init__(self) -> None:
        self.calls = self.begun = self.cancelled = self.here = 0
        self.told: dict[str, Any] = {}
        self.methods: list[str] = []
        self.wanted = 0
        self.all_here = asyncio.Event()

    def service(self, details: Any) -> Any:
        self.calls += 1
        self.methods.append(details.method)
        self.told = dict(details.invocation_metadata)
        kinds = {
            "Echo": (grpc.unary_unary_rpc_method_handler, self.echo),
            "Check": (grpc.unary_unary_rpc_method_handler, self.check),
            "Count": (grpc.unary_stream_rpc_method_handler, self.count),
            "Join": (grpc.stream_unary_rpc_method_handler, self.join),
            "Upper": (grpc.stream_stream_rpc_method_handler, self.upper),
            "Status": (grpc.unary_unary_rpc_method_handler, self.status),
            "Sleep": (grpc.unary_unary_rpc_method_handler, self.sleep),
            "Cancel": (grpc.unary_stream_rpc_method_handler, self.cancel),
            "Meta": (grpc.unary_unary_rpc_method_handler, self.meta),
            "Meet": (grpc.unary_unary_rpc_method_handler, self.meet),
        }
        found = kinds.get(details.method.rpartition("/")[2])
        return None if found is None else found[0](found[1])

    async def echo(self, request: bytes, context: Any) -> bytes:
        return request

    async def check(self, request: bytes, context: Any) -> bytes:
        return b"\x08\x01"  # HealthCheckResponse: SERVING

    async def count(self, request: bytes, context: Any) -> Any:
        for number in range(int(request)):
            yield b"%d" % number

    async def join(self, requests: Any, context: Any) -> bytes:
        return b",".join([request async for request in requests])

    async def upper(self, requests: Any, context: Any) -> Any:
        async for request in requests:
            yield request.upper()

    async def status(self, request: bytes, context: Any) -> bytes:
        codes = {code.value[0]: code for code in grpc.StatusCode}
        context.set_trailing_metadata((("x-why", "so"),))
        if int(request):
            await context.abort(codes[int(request)], "said so: 100 % \u00e4\n")
        return b"fine"

    async def sleep(self, request: bytes, context: Any) -> bytes:
        try:
            self.begun += 1
            await asyncio.sleep(PATIENCE)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return b""

    async def cancel(self, request: bytes, context: Any) -> Any:
        yield b"one"
        await context.abort(grpc.StatusCode.CANCELLED, "no more")

    async def meta(self, request: bytes, context: Any) -> bytes:
        await context.send_initial_metadata((("x-first", "1"), ("x-raw-bin", b"\0\xff\n")))
        context.set_trailing_metadata((("x-last", "2"), ("x-end-bin", b"\xfe\0")))
        return b""

    async def meet(self, request: bytes, context: Any) -> bytes:
        self.here += 1
        if self.here >= int(request):
            self.all_here.set()
        await self.all_here.wait()
        return b"met"


class Server:
    """One grpcio server on a port of its own."""

    def __init__(self, loop: Loop, options: Any = (), credentials: Any = None, port: int = 0) -> None:
        self._loop = loop
        self.handlers: Handlers
        self.port = loop.run(self._start(options, credentials, port))
        self.address = f"127.0.0.1:{self.port}"

    async def _start(self, options: Any, credentials: Any, port: int) -> int:
        self.handlers = Handlers()
        self.server = grpc.aio.server(handlers=(self.handlers,), options=[*LARGE, *options])
        where = f"127.0.0.1:{port}"
        if credentials is None:
            bound = self.server.add_insecure_port(where)
        else:
            bound = self.server.add_secure_port(where, credentials)
        await self.server.start()
        return bound

    def stop(self, grace: float | None = None) -> None:
        """End: at once, or after `grace` seconds for what is under way."""
        self._loop.run(self.server.stop(grace))

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()


def code_of(call: Callable[..., Any], *arguments: Any, **options: Any) -> grpc.StatusCode:
    """How a call ends."""
    try:
        call(*arguments, timeout=options.pop("timeout", PATIENCE), **options)
    except grpc.RpcError as error:
        return error.code()  # type: ignore[no-any-return,attr-defined]
    return grpc.StatusCode.OK
