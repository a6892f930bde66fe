"""TCP and TLS upstreams, and many clients at once, for tests of streams."""

from __future__ import annotations

import asyncio
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from system.harness import PATIENCE

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Loop:
    """An asyncio loop in a thread of its own: upstreams and clients live there."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []

    def __enter__(self) -> Loop:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self.loop).result(PATIENCE)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)
        self.loop.close()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await asyncio.sleep(0)  # transports close in a later turn

    def serve(self, serve: Serve, context: ssl.SSLContext | None = None) -> int:
        """The port of a server that treats connections so."""

        async def start() -> int:
            server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context, backlog=1024)
            self._servers.append(server)
            return int(server.sockets[0].getsockname()[1])

        return int(self.run(start()))

    def run(self, story: Coroutine[Any, Any, Any], timeout: float = 2 * PATIENCE) -> Any:
        """What the coroutine returns or raises."""
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(story, timeout), self.loop).result()


class Echo:
    """Greets with its name, sends back what comes, and ends when its client has. `served` counts connections."""

    def __init__(self, loop: Loop, name: str, context: ssl.SSLContext | None = None) -> None:
        self.name, self.served = name, 0
        self.port = loop.serve(self.serve, context)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.served += 1
        try:
            writer.write(self.name.encode() + b"\n")
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # the client is gone
        finally:
            writer.close()


async def exchanged(port: int, data: bytes, **options: Any) -> tuple[str, bytes]:
    """Send `data` through an Echo: who answered, and what came back. Without TLS our side is half-closed then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **options)
    try:
        name = await reader.readline()
        writer.write(data)
        if "ssl" not in options:
            writer.write_eof()
            return name.decode().strip(), await reader.read()
        return name.decode().strip(), await reader.readexactly(len(data))
    finally:
        writer.close()


async def ended(port: int, data: bytes = b"") -> bytes:
    """What a client that sends `data` and no more is sent, until it is cut off."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await reader.read()
    except ConnectionError:
        return b"cut"
    finally:
        writer.close()


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset."""
    writer.get_extra_info("socket").setsockopt(1, 13, struct.pack("ii", 1, 0))  # SOL_SOCKET, SO_LINGER
    writer.transport.abort()


def contexts(directory: Path, *names: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for `names`, and a client's that knows it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]), datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
    builder = builder.not_valid_after(now + timedelta(days=1))
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    pem = builder.add_extension(alternatives, False).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    file = directory / f"{names[0]}.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=pem.decode())
