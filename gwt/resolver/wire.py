"""Wire: one question to one DNS server, over UDP or TCP. What it means is for gwt.dns to say.

`twisted.names` is not used for it: its resolver takes a SERVFAIL of one server for the last word, reads a large answer
for longer than an event loop may be kept (11 µs a record), leaves its TCP connections open with no limit of their own,
and its timers run on after their owner has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, connectProtocol
from twisted.internet.error import CannotListenError, ConnectError
from twisted.internet.protocol import DatagramProtocol
from twisted.protocols.basic import Int16StringReceiver
from twisted.python.failure import Failure

from gwt.dns.message import Answer, failed
from gwt.dns.system import Server

#: What a message says; None: it is no answer to what was asked.
Read = Callable[[bytes], Answer | None]


class _Datagram(DatagramProtocol):
    """`done` fires with the answer."""

    noisy = False

    def __init__(self, read: Read) -> None:
        self._read = read
        self.done: Deferred[Answer] = Deferred()

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        answer = self._read(datagram)
        if answer is not None:
            self.end(answer)

    def connectionRefused(self) -> None:
        self.end(failed("nobody listens there"))

    def stopProtocol(self) -> None:
        # Reactors that poll take an ICMP error for the end of the socket, and tell nobody but so.
        self.end(failed("nobody listens there"))

    def end(self, answer: Answer) -> None:
        if not self.done.called:
            self.done.callback(answer)


def ask_udp(reactor: Any, server: Server, sent: bytes, read: Read, seconds: float) -> Deferred[Answer]:
    """Fires with the answer, or why there is none. To cancel it closes the socket.

    Each question has a socket of its own, on a port that the system picks by chance, and connected: what others than
    the server send never gets here.
    """
    protocol = _Datagram(read)
    try:
        port = reactor.listenUDP(0, protocol, interface="::" if ":" in server[0] else "")
    except CannotListenError as error:
        return succeed(failed(str(error.socketError)))

    def close(result: Any) -> Any:
        port.stopListening()
        return result

    try:
        port.connect(*server)
        port.write(sent)
    except OSError as error:
        protocol.end(failed(error.strerror or str(error)))
    return protocol.done.addTimeout(seconds, reactor, _late).addBoth(close)


class _Stream(Int16StringReceiver):
    """`done` fires with the answer."""

    def __init__(self, sent: bytes, read: Read) -> None:
        self._sent, self._read = sent, read
        self.done: Deferred[Answer] = Deferred()

    def connectionMade(self) -> None:
        self.sendString(self._sent)

    def stringReceived(self, string: bytes) -> None:
        self._end(self._read(string) or failed("the answer is to another question"))

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._end(failed("the connection was closed"))

    def _end(self, answer: Answer) -> None:
        if not self.done.called:
            self.done.callback(answer)


def ask_tcp(reactor: Any, server: Server, sent: bytes, read: Read, seconds: float) -> Deferred[Answer]:
    """As `ask_udp`; `seconds` for all of it."""
    endpoint = (TCP6ClientEndpoint if ":" in server[0] else TCP4ClientEndpoint)(reactor, *server, timeout=seconds)
    protocol = _Stream(sent, read)

    def close(result: Any) -> Any:
        transport: Any = protocol.transport
        if transport is not None:
            transport.abortConnection()
        return result

    asked = connectProtocol(endpoint, protocol).addCallback(lambda _: protocol.done)
    return asked.addTimeout(seconds, reactor, _late).addErrback(_refused).addBoth(close)


def _late(result: Any, seconds: float) -> Answer | Any:
    return failed(f"no answer within {seconds:g} s") if isinstance(result, Failure) else result


def _refused(failure: Failure) -> Answer:
    failure.trap(ConnectError)
    return failed(f"no connection: {failure.getErrorMessage()}")
