"""One question to one server: the corners that tests/resolver/test_resolver.py does not come to."""

from __future__ import annotations

import socket
import threading
from typing import Any

from twisted.internet import reactor
from twisted.internet.error import CannotListenError
from twisted.trial.unittest import SkipTest, TestCase

from gwt.dns.message import FAILED, FOUND, Answer
from gwt.resolver.wire import ask_tcp, ask_udp

GOOD = Answer(FOUND, ("192.0.2.1",), 5)


def read(data: bytes) -> Answer | None:
    return GOOD if data == b"good" else None


class Exhausted:
    """A reactor that has no more sockets."""

    def listenUDP(self, *_: Any, **__: Any) -> None:
        raise CannotListenError("", 0, OSError(24, "Too many open files"))


class WireTests(TestCase):
    timeout = 60

    async def test_no_socket_to_ask_from(self) -> None:
        found = await ask_udp(Exhausted(), ("127.0.0.1", 53), b"", read, 1.0)
        assert found.outcome == FAILED and "Too many open files" in found.why

    async def test_a_server_that_can_t_be_sent_to(self) -> None:
        found = await ask_udp(reactor, ("255.255.255.255", 53), b"x", read, 1.0)
        assert found.outcome == FAILED and "denied" in found.why.lower()

    async def test_datagrams_that_are_no_answer_are_passed_over(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))

            def serve() -> None:
                _, client = server.recvfrom(512)
                for data in (b"", b"bad", b"good", b"late"):
                    server.sendto(data, client)

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            assert await ask_udp(reactor, server.getsockname(), b"x", read, 10.0) == GOOD
            thread.join()

    async def test_ipv6(self) -> None:
        server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.addCleanup(server.close)
        try:
            server.bind(("::1", 0))
        except OSError:
            raise SkipTest("no IPv6 here") from None
        address = ("::1", server.getsockname()[1])

        def serve() -> None:
            _, client = server.recvfrom(512)
            server.sendto(b"good", client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert await ask_udp(reactor, address, b"x", read, 10.0) == GOOD
        thread.join()
        found = await ask_tcp(reactor, address, b"x", read, 10.0)
        assert found.outcome == FAILED and "no connection" in found.why

    async def test_tcp_answers_what_was_asked_or_nothing(self) -> None:
        for data, wanted in ((b"\0\x04good", FOUND), (b"\0\x03bad", FAILED), (b"\0", FAILED)):
            with socket.create_server(("127.0.0.1", 0)) as server:

                def serve(server: socket.socket = server, data: bytes = data) -> None:
                    connection, _ = server.accept()
                    with connection:
                        assert connection.recv(3, socket.MSG_WAITALL) == b"\0\x01x"
                        connection.sendall(data)

                thread = threading.Thread(target=serve, daemon=True)
                thread.start()
                assert (await ask_tcp(reactor, server.getsockname(), b"x", read, 10.0)).outcome == wanted
                thread.join()
