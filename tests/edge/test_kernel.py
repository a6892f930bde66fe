"""What the kernel says of real sockets."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from gwt.edge import kernel


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    with client, ours:
        yield ours, client


def wait_for(what: object, sock: socket.socket) -> None:
    """Until `what()` holds; the kernel is asked again for as long as the test may last."""
    for _ in range(100_000):
        if what():  # type: ignore[operator]
            return
    raise AssertionError("it did not come true")


def test_what_is_taken_grows(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair
    before = kernel.taken(ours)
    ours.sendall(b"x" * 1000)
    wait_for(lambda: kernel.taken(ours) == before + 1000, ours)
    assert kernel.unsent(ours) == 0
    assert ours.getblocking()


def test_what_is_not_taken_waits(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair
    ours.setblocking(False)
    sent = 0
    try:
        while sent < 2**26:
            sent += ours.send(b"x" * 65536)
    except BlockingIOError:
        pass
    assert kernel.unsent(ours) > 0
    assert not ours.getblocking()


def test_what_has_come_waits_to_be_read(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, client = pair
    assert kernel.unread(ours) == 0
    client.sendall(b"x" * 1000)
    wait_for(lambda: kernel.unread(ours) == 1000, ours)
    assert ours.recv(600) and kernel.unread(ours) == 400


def test_an_end_is_no_break(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, client = pair
    client.shutdown(socket.SHUT_WR)
    assert ours.recv(1) == b""
    assert not kernel.broken(ours)


def test_a_reset_is_a_break(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, client = pair
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    wait_for(lambda: kernel.broken(ours), ours)


def test_bytes_to_a_closed_client_break_the_connection(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, client = pair
    client.close()
    assert ours.recv(1) == b"" and not kernel.broken(ours)
    ours.sendall(b"x")
    wait_for(lambda: kernel.broken(ours), ours)


def test_sockets_that_are_no_tcp() -> None:
    ours, client = socket.socketpair()
    with ours, client:
        before = kernel.taken(ours)
        ours.sendall(b"x" * 100)
        waiting = kernel.taken(ours)
        client.recv(100)
        assert waiting < before == kernel.taken(ours)
    assert kernel.taken(ours) == 0 and kernel.unsent(ours) == 0 and not kernel.broken(ours)


def test_transports_without_a_socket() -> None:
    nothing = object()
    assert (kernel.descriptor(nothing), kernel.taken(nothing), kernel.unsent(nothing)) == (-1, 0, 0)
    assert not kernel.broken(nothing)
