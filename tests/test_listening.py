"""gwt.listening: a reload opens what is new, closes what is gone, and touches nothing else."""

from __future__ import annotations

from typing import Any

from twisted.internet import defer, protocol, reactor
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from gwt.listening import LINGER, Listening
from gwt.sockets import Binder, BindError

ANY = "tcp:0:interface=127.0.0.1"


class Named(protocol.Factory):
    """Greets with a name and hangs up."""

    def __init__(self, name: bytes) -> None:
        self.name = name

    def buildProtocol(self, addr: Any) -> Any:
        greeter = protocol.Protocol()
        greeter.connectionMade = lambda: (greeter.transport.write(self.name), greeter.transport.loseConnection())
        return greeter


class Port:
    """Stops at once."""

    def stopListening(self) -> defer.Deferred[None]:
        return defer.succeed(None)


class Reader(protocol.Protocol):
    def __init__(self) -> None:
        self.data, self.done = b"", defer.Deferred[bytes]()

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Any = None) -> None:
        self.done.callback(self.data)


class ListeningTests(TestCase):
    def setUp(self) -> None:
        self.binder = Binder()
        self.listening = Listening(reactor, self.binder)
        self.factories = {role: Named(role.encode()) for role in ("proxy", "admin")}
        self.addCleanup(self.listening.stop, ["proxy", "admin"])

    def port(self, role: str) -> int:
        return next(host.port for found, _, host in self.listening.hosts() if found == role)

    @defer.inlineCallbacks
    def ask(self, port: int) -> Any:
        reader = yield connectProtocol(HostnameEndpoint(reactor, "127.0.0.1", port), Reader())
        data = yield reader.done
        return data

    @defer.inlineCallbacks
    def test_what_is_unchanged_keeps_its_port(self) -> Any:
        self.listening.serve("proxy", [ANY], self.factories["proxy"])
        before = self.port("proxy")
        yield self.listening.change({"proxy": [ANY], "admin": [ANY]}, self.factories)
        self.assertEqual(self.port("proxy"), before)
        answers = [(yield self.ask(before)), (yield self.ask(self.port("admin")))]
        self.assertEqual(answers, [b"proxy", b"admin"])

    @defer.inlineCallbacks
    def test_what_is_gone_is_closed(self) -> Any:
        self.listening.serve("proxy", [ANY], self.factories["proxy"])
        self.listening.serve("admin", [ANY], self.factories["admin"])
        yield self.listening.change({"proxy": [ANY], "admin": []}, self.factories)
        self.assertEqual([role for role, _, _ in self.listening.hosts()], ["proxy"])
        self.assertEqual(len(self.binder.held), 1)

    @defer.inlineCallbacks
    def test_an_endpoint_written_otherwise_takes_the_same_socket_over(self) -> Any:
        self.listening.serve("proxy", [ANY], self.factories["proxy"])
        port = self.port("proxy")
        first = f"tcp:{port}:interface=127.0.0.1"
        yield self.listening.stop(["proxy"])
        yield self.listening.change({"proxy": [first]}, self.factories)
        sockets = dict(self.binder.held)
        yield self.listening.change({"proxy": [first + ":backlog=100"]}, self.factories)
        self.assertEqual(self.binder.held, sockets)
        answer = yield self.ask(port)
        self.assertEqual(answer, b"proxy")

    @defer.inlineCallbacks
    def test_who_came_by_what_is_gone_is_told(self) -> Any:
        left: list[Any] = []
        factory = self.factories["proxy"]
        factory.leave_tunnels = lambda seconds, address: left.append((seconds, address))
        other = "tcp:0:interface=127.0.0.2"
        self.listening.serve("proxy", [ANY, other], factory)
        gone, stays = [address for _, _, address in self.listening.hosts()]
        yield self.listening.change({"proxy": [other]}, self.factories, 7.0)
        self.assertEqual(left, [(7.0, gone)])
        same = f"tcp:{stays.port}:interface=127.0.0.2"
        yield self.listening.stop(["proxy"])
        yield self.listening.change({"proxy": [same]}, self.factories)
        yield self.listening.change({"proxy": [same + ":backlog=8"]}, self.factories)
        self.assertEqual(len(left), 1)

    @defer.inlineCallbacks
    def test_a_failure_leaves_everything_as_it_was(self) -> Any:
        self.listening.serve("proxy", [ANY], self.factories["proxy"])
        before = self.listening.hosts()
        with self.assertRaises(BindError):
            yield self.listening.change({"proxy": [ANY, f"{ANY}:backlog=9", "tcp:x"]}, self.factories)
        self.assertEqual(self.listening.hosts(), before)
        answer = yield self.ask(self.port("proxy"))
        self.assertEqual(answer, b"proxy")

    @defer.inlineCallbacks
    def test_who_has_connected_to_what_is_left_is_still_answered(self) -> Any:
        clock = Clock()
        listening = Listening(clock, self.binder)
        listening._open["admin", ANY] = Port(), []
        left = listening.leave("admin")
        assert listening.hosts() == []
        clock.advance(LINGER / 2)
        assert not left.called
        clock.advance(LINGER)
        yield left
