from __future__ import annotations

from twisted.internet.task import Clock

from gwt.delta import Delta
from gwt.model.others import UpstreamsDoc
from gwt.model.route import EndpointSpec, ServiceSpec, Source
from gwt.store.memory import MemoryStore

ROUTE = "name: {}\nhosts: [{}.x]\nservices: [{{upstream: u, paths: [{{uri: /}}]}}]\n"


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.store = MemoryStore(self.clock)
        self.deltas: list[Delta] = []

    def start(self) -> Delta:
        started: list[object] = []
        self.store.start(self.deltas.append).addCallback(started.append)
        while not started:
            self.clock.advance(0)
        return self.deltas.pop()

    def turn(self) -> Delta | None:
        while self.clock.getDelayedCalls():
            self.clock.advance(0)
        return self.deltas.pop() if self.deltas else None


def test_what_was_put_before_the_start_is_the_first_content() -> None:
    world = World()
    world.store.put("a.yaml", ROUTE.format("a", "a"))
    assert set(world.start().routes) == {"a"}
    assert world.store.describe() == "memory: (1 sources)"


def test_changes_of_one_turn_come_as_one() -> None:
    world = World()
    assert not world.start()
    world.store.put("a.yaml", ROUTE.format("a", "a"))
    world.store.put("b.yaml", ROUTE.format("b", "b"))
    world.store.delete("a.yaml")
    delta = world.turn()
    assert delta is not None
    assert set(delta.routes) == {"b"}
    assert world.deltas == []


def test_documents_can_be_put_as_values() -> None:
    world = World()
    world.start()
    spec = ServiceSpec("u", (EndpointSpec("10.0.0.1:80"),))
    world.store.put_documents("u", [UpstreamsDoc((spec,), Source("u"), {})])
    delta = world.turn()
    assert delta is not None
    assert delta.services == {"u": spec}
    assert delta.endpoints_only


def test_what_is_wrong_is_told_to_who_puts_it() -> None:
    world = World()
    world.start()
    (problem,) = world.store.put("a.yaml", "hosts: [")
    assert problem.file == "a.yaml"
    assert world.store.put("a.yaml", ROUTE.format("a", "a")) == ()


def test_a_change_while_another_is_worked_in_is_not_lost() -> None:
    world = World()
    world.start()
    world.store.put("a.yaml", ROUTE.format("a", "a"))
    apply, again = world.deltas.append, []

    def put_more(delta: Delta) -> None:
        apply(delta)
        if not again:
            again.append(True)
            world.store.put("b.yaml", ROUTE.format("b", "b"))

    world.store._apply = put_more
    while world.clock.getDelayedCalls():
        world.clock.advance(0)
    assert [set(delta.routes) for delta in world.deltas] == [{"a"}, {"b"}]


def test_a_stopped_store_says_nothing_more() -> None:
    world = World()
    world.start()
    world.store.put("a.yaml", ROUTE.format("a", "a"))
    world.store.stop()
    assert world.turn() is None
    world.store.put("b.yaml", ROUTE.format("b", "b"))
    assert world.turn() is None
