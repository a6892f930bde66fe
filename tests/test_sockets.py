"""gwt.sockets: bound once, shared, kept over a reload, and one clear line where binding fails."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import defer, protocol, reactor
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, connectProtocol
from twisted.trial.unittest import TestCase

from gwt import sockets
from gwt.sockets import Binder, BindError, Inherited, Wanted, _bind_tcp, bind, listen, spread


def taken_port() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    return sock


class Greeter(protocol.Protocol):
    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"hello")
        self.transport.loseConnection()


class Collector(protocol.Protocol):
    def __init__(self) -> None:
        self.data, self.done = b"", defer.Deferred[bytes]()

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Any = None) -> None:
        self.done.callback(self.data)


def test_asked_twice_a_binder_gives_the_same_sockets() -> None:
    binder = Binder()
    first = binder.sockets(Wanted("tcp", "127.0.0.1", 0, role="proxy"))
    assert binder.sockets(Wanted("tcp", "127.0.0.1", 0, role="proxy")) == first
    assert binder.sockets(Wanted("tcp", "127.0.0.1", 0, role="admin")) != first
    binder.keep(())
    assert first[0].fileno() == -1


def test_shares_listen_on_one_port() -> None:
    binder = Binder(3, single=["admin"])
    shares = binder.sockets(Wanted("tcp", "127.0.0.1", 0, role="proxy"))
    assert len({sock.getsockname() for sock in shares}) == 1
    assert len({sock.fileno() for sock in shares}) == 3
    assert len(binder.sockets(Wanted("tcp", "127.0.0.1", 0, role="admin"))) == 1
    binder.keep(())


def test_a_port_that_the_system_has_chosen_is_never_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    bound: list[socket.socket] = []

    def bind_tcp(wanted: Wanted, port: int, reuse_port: bool) -> socket.socket:
        assert all(sock.fileno() >= 0 for sock in bound), "somebody else may take the port meanwhile"
        bound.append(_bind_tcp(wanted, port, reuse_port))
        return bound[-1]

    monkeypatch.setattr(sockets, "_bind_tcp", bind_tcp)
    binder = Binder(3)
    assert binder.sockets(Wanted("tcp", "127.0.0.1", 0, role="proxy")) == bound
    binder.keep(())


def test_more_shares_join_those_that_are_there() -> None:
    binder, wanted = Binder(2), Wanted("tcp", "127.0.0.1", 0, role="proxy")
    before = list(binder.sockets(wanted))
    binder.shares = 3
    after = binder.sockets(wanted)
    assert after[:2] == before
    assert len({sock.getsockname() for sock in after}) == 1
    binder.shares = 2
    assert len(binder.sockets(wanted)) == 3
    binder.keep(())


@pytest.mark.parametrize("interface", ["127.0.0.1", "::1"])
def test_connections_of_one_client_are_spread_evenly(interface: str) -> None:
    binder = Binder(2)
    shares = binder.sockets(Wanted("tcp", interface, 0, role="proxy"))
    assert spread(shares)
    clients = [socket.create_connection(shares[0].getsockname()[:2]) for _ in range(64)]
    accepted = accept_all(shares[0])
    assert 0.35 * 64 <= len(accepted) <= 0.65 * 64
    for connection in [*clients, *accepted]:
        connection.close()
    binder.keep(())


def accept_all(sock: socket.socket) -> list[socket.socket]:
    found = []
    while True:
        try:
            found.append(sock.accept()[0])
        except BlockingIOError:
            return found


@pytest.mark.parametrize("shares", [1, 2])
def test_a_port_in_use_is_one_clear_line(shares: int) -> None:
    with taken_port() as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BindError) as caught:
            bind(Binder(shares), "proxy", f"tcp:{port}:interface=127.0.0.1")
    assert str(caught.value) == (
        f"cannot listen on 127.0.0.1:{port}: the address is in use by another process "
        f"(listeners.proxy: tcp:{port}:interface=127.0.0.1)"
    )


def test_a_stranger_with_so_reuseport_is_not_shared_with() -> None:
    stranger = socket.socket()
    stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    stranger.bind(("127.0.0.1", 0))
    stranger.listen()
    with stranger, pytest.raises(BindError, match="in use"):
        Binder(2).sockets(Wanted("tcp", "127.0.0.1", stranger.getsockname()[1]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tcp", "is no endpoint that can be opened"),
        ("nonsense:1", "is no endpoint that can be opened"),
        ("tcp:eighty", "is no endpoint that can be opened"),
        ("ssl:0:privateKey=/nowhere.pem", "is no endpoint that can be opened: .*nowhere.pem"),
        ("tcp:0:interface=192.0.2.1", "this machine has no such address"),
        ("unix:/nowhere/at/all.sock", "no such directory"),
        ("systemd:domain=INET:index=7", "is no endpoint that can be opened"),
    ],
)
def test_what_cannot_be_opened_says_why(text: str, said: str) -> None:
    with pytest.raises(BindError, match=said) as caught:
        bind(Binder(), "proxy", text)
    assert "\n" not in str(caught.value)
    assert text in str(caught.value)


def test_a_unix_socket_has_its_mode_from_the_start_and_goes_when_it_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "gwt.sock"
    binder = Binder()
    keys = bind(binder, "proxy", f"unix:{path}:mode=600")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    binder.keep(keys)
    assert path.exists()
    binder.keep(())
    assert not path.exists()


def test_a_unix_socket_left_behind_is_taken_over_but_a_live_one_is_not(tmp_path: Path) -> None:
    path = str(tmp_path / "gwt.sock")
    left = socket.socket(socket.AF_UNIX)
    left.bind(path)
    left.close()
    first = Binder()
    first.sockets(Wanted("unix", path))
    with pytest.raises(BindError, match="in use"):
        Binder().sockets(Wanted("unix", path))
    first.keep(())


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("mine")
    with pytest.raises(BindError, match="in use"):
        Binder().sockets(Wanted("unix", str(path)))
    assert path.read_text() == "mine"


def test_an_heir_serves_only_what_it_was_given() -> None:
    with pytest.raises(BindError, match="handed on no such socket"):
        Inherited({}).sockets(Wanted("tcp", "", 80))


class ServingTests(TestCase):
    """Real connections through adopted sockets."""

    @defer.inlineCallbacks
    def fetch(self, endpoint: Any) -> Any:
        collector = yield connectProtocol(endpoint, Collector())
        data = yield collector.done
        return data

    @defer.inlineCallbacks
    def test_tcp_stops_and_starts_again_on_the_same_socket(self) -> Any:
        binder, factory = Binder(), protocol.Factory.forProtocol(Greeter)
        self.addCleanup(binder.keep, ())
        text = "tcp:0:interface=127.0.0.1"
        for _ in range(2):
            port, keys = listen(reactor, binder, "proxy", text, factory)
            number = port.getHost().port
            data = yield self.fetch(HostnameEndpoint(reactor, "127.0.0.1", number))
            self.assertEqual(data, b"hello")
            yield port.stopListening()
            self.assertEqual(list(binder.held), keys)

    @defer.inlineCallbacks
    def test_unix_keeps_its_path_and_mode_when_a_port_stops(self) -> Any:
        directory = tempfile.TemporaryDirectory(prefix="gwt")  # a socket's path has room for 107 bytes
        self.addCleanup(directory.cleanup)
        path = os.path.join(directory.name, "s")
        binder, factory = Binder(), protocol.Factory.forProtocol(Greeter)
        self.addCleanup(binder.keep, ())
        port, _ = listen(reactor, binder, "proxy", f"unix:{path}:mode=640", factory)
        data = yield self.fetch(UNIXClientEndpoint(reactor, path))
        self.assertEqual(data, b"hello")
        yield port.stopListening()
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o640)

    @defer.inlineCallbacks
    def test_a_haproxy_endpoint_has_its_header_read_before_anything_else(self) -> Any:
        binder, factory = Binder(), protocol.Factory.forProtocol(Greeter)
        self.addCleanup(binder.keep, ())
        stood: list[Any] = []
        text = "haproxy:tcp:0:interface=127.0.0.1"
        port, _ = listen(reactor, binder, "proxy", text, factory, before=lambda inner: stood.append(inner) or inner)
        self.assertEqual(stood, [factory])
        yield port.stopListening()
        with self.assertRaisesRegex(BindError, "not read on this listener"):
            listen(reactor, binder, "proxy", text, factory)
        self.assertTrue(bind(binder, "proxy", text))

    @defer.inlineCallbacks
    def test_one_listener_may_have_several_sockets(self) -> Any:
        binder, factory = Binder(2), protocol.Factory.forProtocol(Greeter)
        self.addCleanup(binder.keep, ())
        port, _ = listen(reactor, binder, "proxy", "tcp:0:interface=127.0.0.1", factory)
        self.assertEqual(len(port.ports), 2)
        for _ in range(8):
            data = yield self.fetch(HostnameEndpoint(reactor, "127.0.0.1", port.getHost().port))
            self.assertEqual(data, b"hello")
        yield port.stopListening()
