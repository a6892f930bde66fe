"""Twisted's own services on the reactor: UNIX sockets, TLS, the web server, threads and signals."""

from __future__ import annotations

import datetime
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet import ssl
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    SSL4ServerEndpoint,
    TCP4ClientEndpoint,
    UNIXClientEndpoint,
    UNIXServerEndpoint,
    connectProtocol,
    wrapClientTLS,
)
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThreadPool
from twisted.web.resource import Resource
from twisted.web.server import Site

import gwt.reactor
from gwt.reactor.stream import Stream

ROOT = Path(gwt.__file__).parents[1]


class Echo(Protocol):
    native_data_received = True

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


def certificate() -> ssl.PrivateCertificate:
    """A certificate for localhost, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = signed.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return ssl.PrivateCertificate.loadPEM(pem)


def test_echo_over_a_unix_socket(stage: Any, tmp_path: Path) -> None:
    client = stage.Recorder()

    async def story() -> None:
        path = str(tmp_path / "echo.sock")
        await UNIXServerEndpoint(stage.reactor, path).listen(Factory.forProtocol(Echo))
        await connectProtocol(UNIXClientEndpoint(stage.reactor, path), client)
        assert isinstance(client.transport, Stream)
        client.transport.write(b"x" * 500_000)
        assert await client.seen(500_000) == b"x" * 500_000

    stage.play(story)


def test_a_descriptor_that_comes_unasked_does_not_leak(stage: Any, tmp_path: Path) -> None:
    server = stage.Recorder()

    async def story() -> None:
        path = str(tmp_path / "fd.sock")
        await UNIXServerEndpoint(stage.reactor, path).listen(Factory.forProtocol(lambda: server))
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(path)
            near, far = socket.socketpair()
            socket.send_fds(peer, [b"x"], [far.fileno()])
            far.close()
            assert await server.seen(1) == b"x"
            near.settimeout(5)
            assert near.recv(1) == b""
            near.close()

    stage.play(story)


def test_echo_over_tls(stage: Any) -> None:
    client = stage.Recorder()
    own = certificate()

    async def story() -> None:
        endpoint = SSL4ServerEndpoint(stage.reactor, 0, own.options(), interface="127.0.0.1")
        port = await endpoint.listen(Factory.forProtocol(Echo))
        plain = TCP4ClientEndpoint(stage.reactor, "127.0.0.1", port.getHost().port)
        options = ssl.optionsForClientTLS("localhost", trustRoot=ssl.Certificate(own.original))
        await connectProtocol(wrapClientTLS(options, plain), client)
        client.transport.write(b"y" * 300_000)
        assert await client.seen(300_000) == b"y" * 300_000
        client.transport.loseConnection()
        assert await client.lost is ConnectionDone

    stage.play(story)


def test_start_tls_on_both_ends(stage: Any) -> None:
    server, client = stage.Recorder(), stage.Recorder()
    own = certificate()

    async def story() -> None:
        await stage.pair(server, client)
        client.transport.write(b"STARTTLS")
        await server.seen(8)
        server.transport.startTLS(own.options())
        client.transport.startTLS(ssl.optionsForClientTLS("localhost", trustRoot=ssl.Certificate(own.original)))
        client.transport.write(b"secret")
        assert await server.seen(14) == b"STARTTLSsecret"
        server.transport.writeSequence([b"an", b"swer"])
        assert await client.seen(6) == b"answer"
        server.transport.loseConnection()
        assert await client.lost is ConnectionDone

    stage.play(story)


def test_twisted_web_serves(stage: Any) -> None:
    class Hello(Resource):
        isLeaf = True

        def render_POST(self, request: Any) -> bytes:
            return bytes(request.content.read().upper())

    client = stage.Recorder()

    async def story() -> None:
        port = stage.reactor.listenTCP(0, Site(Hello(), reactor=stage.reactor), interface="127.0.0.1")
        stage.connect(port, client)
        await client.made
        body = b"a" * 200_000
        head = b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        client.transport.writeSequence([head, body])
        await client.lost
        answer, _, content = bytes(client.received).partition(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200") and content == body.upper()

    stage.play(story)


def test_threads_can_call_back(stage: Any) -> None:
    async def story() -> None:
        called: Deferred[str] = Deferred()
        stage.reactor.callInThread(stage.reactor.callFromThread, called.callback, "from a thread")
        assert await called == "from a thread"
        assert await deferToThreadPool(stage.reactor, stage.reactor.getThreadPool(), lambda: 42) == 42

    stage.play(story)


def test_an_installed_reactor_obeys_signals() -> None:
    program = (
        "import gwt.reactor, signal, os; assert gwt.reactor.available(); gwt.reactor.install()\n"
        "from twisted.internet import reactor, protocol\n"
        "print(type(reactor).__name__, flush=True)\n"
        "class Child(protocol.ProcessProtocol):\n"
        "    def processEnded(self, reason): print('ended', flush=True)\n"
        "signal.signal(signal.SIGHUP, lambda *a: reactor.callFromThread(print, 'hup', flush=True))\n"
        "reactor.callWhenRunning(lambda: reactor.spawnProcess(Child(), '/bin/true', ['true'], {}))\n"
        "reactor.addSystemEventTrigger('before', 'shutdown', lambda: print('stopping', flush=True))\n"
        "reactor.run()\n"
        "print('stopped', flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == b"UVLoopReactor\n"
            assert child.stdout.readline() == b"ended\n"
            child.send_signal(signal.SIGHUP)
            assert child.stdout.readline() == b"hup\n"
            child.send_signal(signal.SIGTERM)
            assert child.stdout.read() == b"stopping\nstopped\n"
        finally:
            child.kill()
    assert gwt.reactor.available()
