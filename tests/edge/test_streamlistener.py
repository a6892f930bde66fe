from __future__ import annotations

from edge.test_relay import World

from gwt.model.parse import parse_file


def test_connections_and_bytes_are_counted_by_route_and_service() -> None:
    world = World("{name: r, stream: tcp, services: [{upstream: up}]}")
    client, upstream = world.pair()
    client.protocol.dataReceived(b"12345")
    world.tick(1)
    upstream.protocol.dataReceived(b"123")
    stats = world.meters.stream("r", "up")
    assert (stats.open.value, stats.bytes_in.value, stats.bytes_out.value) == (1, 5, 0)
    client.abortConnection()
    assert (stats.open.value, stats.bytes_in.value, stats.bytes_out.value) == (0, 5, 3)
    (relay,) = world.ended
    assert len(relay.request_id) == 32


def test_the_limit_of_a_document_counts_over_its_changes() -> None:
    text = "{name: r, stream: tcp, max_connections: 2, services: [{upstream: up}]}"
    world = World(text)
    first, _ = world.pair()
    changed = parse_file(text.replace("2", "1"), "f").documents[0]
    world.put(routes={"r": changed})
    world.client()
    world.put(routes={"r": parse_file(text, "f").documents[0]})
    second, _ = world.pair()
    world.client()
    assert [relay.code for relay in world.ended] == ["overloaded", "overloaded"]
    first.abortConnection()
    third, _ = world.pair()
    assert not third.over and not second.over


def test_the_last_connection_ends_the_drain() -> None:
    world = World()
    client, _ = world.pair()
    world.factory.begin_drain()
    empty = world.factory.when_empty()
    assert not empty.called and not client.over
    world.factory.abort_all()
    assert empty.called
    assert world.code == "draining"
