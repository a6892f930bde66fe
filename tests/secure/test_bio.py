"""Python's TLS in the shape of pyOpenSSL's, against itself through memory."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest
from certificates import Authority
from OpenSSL import SSL

from gwt.secure.bio import BioConnection, Creator, HandshakeError
from gwt.tls.contexts import harden, load_pair

CA = Authority()


def ends(name: str = "a.x") -> tuple[BioConnection, BioConnection]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = CA.pair("a.x")
    load_pair(context, pair.cert, pair.key)
    harden(context, "1.2", None, ["http/1.1"])
    client = CA.trusting()
    client.set_alpn_protocols(["http/1.1"])
    return (
        Creator(lambda: context).serverConnectionForTLS(None),
        Creator(lambda: client, name).clientConnectionForTLS(None),
    )


def carry(source: BioConnection, target: BioConnection) -> None:
    try:
        target.bio_write(source.bio_read(1))
    except SSL.WantReadError:
        return


def shaken(name: str = "a.x") -> tuple[BioConnection, BioConnection]:
    server, client = ends(name)
    server.set_accept_state()
    client.set_connect_state()
    client.set_app_data(None)
    waiting: list[tuple[BioConnection, BioConnection]] = [(client, server), (server, client)]
    while waiting:
        mine, other = waiting.pop(0)
        try:
            mine.do_handshake()
        except SSL.WantReadError:
            waiting.append((mine, other))
        carry(mine, other)
    return server, client


def test_bytes_pass_both_ways_and_ends_are_clean() -> None:
    server, client = shaken()
    assert client.send(b"hello") == 5
    carry(client, server)
    assert server.recv(100) == b"hello"
    with pytest.raises(SSL.WantReadError):
        server.recv(100)
    assert (server.get_alpn_proto_negotiated(), client.get_peer_certificate()) == (b"http/1.1", None)
    assert not client.shutdown()
    carry(client, server)
    with pytest.raises(SSL.ZeroReturnError):
        server.recv(100)
    assert server.shutdown()


def test_who_still_sends_can_be_said_goodbye_to() -> None:
    server, client = shaken()
    for _ in range(3):
        client.send(b"x" * 16000)
        carry(client, server)
    assert not server.shutdown()
    client.send(b"more")
    carry(client, server)
    assert server.recv(100) == b"more"
    carry(server, client)
    with pytest.raises(SSL.ZeroReturnError):
        client.recv(100)


def test_an_end_without_goodbye_is_an_error() -> None:
    server, _ = shaken()
    server.bio_shutdown()
    with pytest.raises(SSL.SysCallError, match="Unexpected EOF"):
        server.recv(1)
    with pytest.raises(SSL.Error):
        ends()[0].shutdown()


def test_why_a_handshake_failed_is_kept() -> None:
    with pytest.raises(HandshakeError) as caught:
        shaken("b.x")
    assert isinstance(caught.value.cause, ssl.SSLCertVerificationError)


def test_the_context_is_that_of_now() -> None:
    contexts = [ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)]
    current: Callable[[], ssl.SSLContext] = lambda: contexts[-1]  # noqa: E731
    creator = Creator(current)
    first = creator.serverConnectionForTLS(None).object.context
    contexts.pop()
    assert [first, creator.serverConnectionForTLS(None).object.context] == [first, contexts[0]]
    assert first is not contexts[0]
