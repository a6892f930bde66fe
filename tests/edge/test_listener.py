"""The factory: counts, drains, and tells channels about their peers."""

from __future__ import annotations

from edge.rig import Rig

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_connections_are_counted() -> None:
    rig = Rig()
    rig.connect()
    assert (rig.factory.connections, rig.factory.accepted, rig.factory.refused) == (2, 2, 0)
    rig.vanish()
    assert rig.factory.connections == 1


def test_a_drain_is_over_when_the_last_connection_is() -> None:
    rig = Rig(answer=None).send(GET)
    rig.factory.begin_drain()
    over: list[None] = []
    rig.factory.when_empty().addCallback(over.append)
    assert not over
    rig.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert over == [None]
    rig.factory.when_empty().addCallback(over.append)
    assert over == [None, None]


def test_a_drain_that_takes_too_long_is_cut() -> None:
    rig = Rig(answer=None).send(GET)
    rig.factory.begin_drain()
    rig.factory.abort_all()
    assert rig.settle().wire.aborted and rig.factory.connections == 0


def test_peers_of_ipv6() -> None:
    rig = Rig()
    for peer, told in (("::ffff:1.2.3.4", b"1.2.3.4"), ("fe80::1%eth0", b"fe80::1"), ("2001:db8::1", b"2001:db8::1")):
        rig.connect(peer)
        rig.send(GET)
        assert rig.seen[-1].header(b"x-real-ip") == told
