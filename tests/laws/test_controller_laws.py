"""Whatever happens to objects, watches, controllers, their Lease and the store, in the end the store holds what the
objects say, what others wrote is as they wrote it, and then nothing more is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from controller import wanted
from controller.rig import route
from controller.stores import PlayedEtcd, PlayedRedis
from controller.world import World
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from kube.apiserver import config_map, service, slice_

NAMES = st.sampled_from("ab")
SPECS = st.sampled_from([
    {"ports": [{"port": 80}]},
    {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP", "name": "dns"}]},
    {"ports": [{"port": 80, "name": "web"}, {"port": 81, "name": "admin"}]},
    {"ports": [{"port": 80}], "type": "ExternalName", "externalName": "10.9.9.9"},
    {"ports": [{"port": 80}], "type": "ExternalName", "externalName": "127.0.0.1"},
])  # fmt: skip
BAD = "{name: %s, hosts: nonsense}"
TEXTS = st.sampled_from([
    route("a"), route("a", "x.example.com"), route("b"), BAD % "a", BAD % "b",
    f"{route('a')}\n---\n{route('b', 'y.example.com')}", f"{route('b')}\n---\n{BAD % 'a'}",
])  # fmt: skip
CONDITIONS = st.sampled_from([{}, {"ready": False}, {"ready": False, "serving": True, "terminating": True}])
PORTS = st.sampled_from(["", "web"])
PLURALS = st.sampled_from(["services", "endpointslices", "configmaps"])
FAULTS = st.sampled_from([401, 403, 410, 429, 500, 504])
TIMES = st.sampled_from([0.0, 0.0, 0.003, 0.008, 0.03, 0.3, 1.1, 2.5, 12.0])
PARTS = st.sampled_from(["routes", "services"])


def event(**drawn: Any) -> Callable[[Any], Any]:
    """A rule; then some time passes."""

    def made(happens: Any) -> Any:
        def step(self: Any, pause: float, **more: Any) -> None:
            happens(self, **more)
            self.world.run(pause)

        step.__name__ = happens.__name__
        return rule(pause=TIMES, **drawn)(step)

    return made


class Controlling(RuleBasedStateMachine):
    """`others` is what tools wrote, by part and name. `lost`: what was written may be gone with a store that was."""

    store: Any = PlayedRedis

    @initialize(streams=st.booleans(), two=st.booleans())
    def start(self, streams: bool, two: bool) -> None:
        self.world = World(self.store())
        self.cluster = self.world.cluster
        self.cluster.streams = streams
        self.others: dict[tuple[str, str], str] = {}
        self.saved: dict[tuple[str, str], str] | None = None
        self.said: dict[str, list[Any]] = {}
        self.epochs: list[int] = []
        for _ in range(1 + two):
            self.world.begin()

    # -- objects

    @event(name=NAMES, spec=SPECS)
    def put_service(self, name: str, spec: Any) -> None:
        self.cluster.put("services", {**service(f"n/{name}"), "spec": spec})

    @event(name=NAMES, number=st.integers(1, 2), count=st.integers(0, 3), port=PORTS, conditions=CONDITIONS)
    def put_slice(self, name: str, number: int, count: int, port: str, conditions: Any) -> None:
        addresses = [f"10.0.{number}.{last}" for last in range(count)]
        value = slice_(f"n/{name}", *addresses, port=8080, number=number, **conditions)
        value["ports"] = [{"port": 8080, **({"name": port} if port else {})}]
        self.cluster.put("endpointslices", value)

    @event(name=NAMES, text=TEXTS, label=st.sampled_from(["true", "true", "true", "false"]))
    def put_map(self, name: str, text: str, label: str) -> None:
        value = config_map(f"n/{name}", text)
        value["metadata"]["labels"]["gwt.io/route"] = label
        self.cluster.put("configmaps", value)
        said, _ = wanted.documents({f"n/{name}": self.cluster.objects["configmaps"][f"n/{name}"]})
        for document, origin in said.values():
            self.said.setdefault(document["name"], []).append((document, origin))

    @event(plural=PLURALS, name=NAMES, number=st.integers(1, 2))
    def delete(self, plural: str, name: str, number: int) -> None:
        key = f"n/{name}-{number}" if plural == "endpointslices" else f"n/{name}"
        if key in self.cluster.objects[plural]:
            self.cluster.delete(plural, key)

    # -- the API server

    @event(plural=PLURALS)
    def hold(self, plural: str) -> None:
        self.cluster.held.add(plural)

    @event()
    def release(self) -> None:
        self.cluster.release()

    @event(events=st.integers(1, 6))
    def repeat(self, events: int) -> None:
        self.cluster.repeat(events)

    @event(clean=st.booleans(), forget=st.booleans())
    def break_off(self, clean: bool, forget: bool) -> None:
        if forget:
            self.cluster.forget()
        self.cluster.break_off(clean)

    @event(code=st.sampled_from([410, 500]))
    def scold(self, code: int) -> None:
        self.cluster.scold(code)

    @event()
    def tear(self) -> None:
        self.cluster.tear = True

    @event(plural=PLURALS | st.just("leases"), codes=st.lists(FAULTS, max_size=3))
    def fail(self, plural: str, codes: list[int]) -> None:
        self.cluster.fail(f"/{plural}", *codes)
        if plural != "leases":
            self.cluster.break_off(True)

    @event(plural=PLURALS)
    def lie(self, plural: str) -> None:
        """An empty list, to whoever asks next."""
        if self.credulous():
            self.cluster.lies = [plural]
            self.cluster.forget()
            self.cluster.break_off(True)

    def credulous(self) -> bool:
        """Whether nobody doubts an empty list already: who is lied to twice believes it."""
        reflectors = [one for process in self.world.processes for one in process.controller.reflectors]
        return not any(one._doubted for one in reflectors)

    @event(down=st.booleans())
    def reach(self, down: bool) -> None:
        self.cluster.down = down
        if down:
            self.cluster.break_off(False)

    # -- controllers

    @precondition(lambda self: len(self.world.processes) < 2)
    @event(lies=st.booleans())
    def begin(self, lies: bool) -> None:
        """One more, to which the first lists of an API server that begins as well may be empty."""
        if lies and self.credulous():
            self.cluster.lies = ["services", "endpointslices", "configmaps"]
        self.world.begin()

    @precondition(lambda self: self.world.processes)
    @event(data=st.data(), how=st.sampled_from(["kill", "end", "freeze", "thaw", "apart", "back"]))
    def process(self, data: Any, how: str) -> None:
        one = data.draw(st.sampled_from(self.world.processes))
        if how == "kill":
            self.world.kill(one)
        elif how == "end":
            self.world.end(one)
        elif how in ("freeze", "thaw"):
            self.world.thaw(one)
            one.frozen = how == "freeze"
        else:
            one.api.apart = how == "apart"
            self.cluster.release()

    @event()
    def forget_lease(self) -> None:
        self.cluster.objects["leases"].clear()

    # -- the store

    @event(down=st.booleans(), deaf=st.booleans())
    def trouble(self, down: bool, deaf: bool) -> None:
        self.world.store.set_down(down)
        self.world.store.deaf = deaf

    @event()
    def lose(self) -> None:
        """An answer of the store."""
        self.world.store.lose = True

    @event(part=PARTS, name=NAMES, there=st.booleans())
    def tool(self, part: str, name: str, there: bool) -> None:
        key = name if part == "routes" else f"n/{name}:80"
        text = None
        if there:
            text = json.dumps({"doc": 1, "source": "admin"} if part == "routes" else {"endpoints": []})
            self.others[part, key] = text
        else:
            self.others.pop((part, key), None)
        self.world.store.write(part, key, text)

    @event(part=PARTS)
    def garble(self, part: str) -> None:
        """Somebody changes what is the controller's, and says that it is."""
        for name in sorted(self.world.store.entries(part)):
            if (part, name) not in self.others:
                wrong: Any = {"doc": {"hosts": ["wrong"]}} if part == "routes" else {"endpoints": []}
                self.world.store.write(part, name, json.dumps({**wrong, "source": "kube"}, separators=(",", ":")))
                return

    @event()
    def empty(self) -> None:
        self.world.store.empty()
        self.others.clear()
        self.epochs.clear()

    @event()
    def save(self) -> None:
        self.world.store.save()
        self.saved = dict(self.others)

    @event()
    def fail_over(self) -> None:
        if self.world.store.fail_over():
            self.others = dict(self.saved or {})
            self.epochs.clear()

    @invariant()
    def nobody_writes_with_an_epoch_that_is_over(self) -> None:
        epoch = self.world.store.epoch
        assert not self.epochs or epoch >= self.epochs[-1]
        self.epochs.append(epoch)

    @invariant()
    def what_others_wrote_stays(self) -> None:
        for (part, name), text in self.others.items():
            assert self.world.store.entries(part).get(name) == text.encode(), (part, name)

    def wrong(self) -> str:
        """How the store differs from what it should hold."""
        store, objects = self.world.store, self.cluster.objects
        should = wanted.services(objects["services"], objects["endpointslices"])
        held = {key: raw for key, raw in store.entries("services").items() if ("services", key) not in self.others}
        free = {key: value for key, value in should.items() if ("services", key) not in self.others}
        if {key: wanted.endpoints(raw) for key, raw in held.items()} != free:
            return f"services: {held} should be {free}"
        taken = {name for part, name in self.others if part == "routes"}
        good, rest = wanted.documents(objects["configmaps"], taken)
        routes = {name: json.loads(raw) for name, raw in store.entries("routes").items() if name not in taken}
        for name in {*routes, *good}:
            if why := self._route(name, routes.get(name), good, rest):
                return why
        open_ = [one for one in rest if not one.is_closed(routes)]
        return f"the hosts of {open_} are not closed: {routes}" if open_ else ""

    def _route(self, name: str, entry: Any, good: Any, rest: list[wanted.Rest]) -> str:
        if name in good:
            document, origin = good[name]
            same = entry == {"doc": document, "source": "kube", "origin": origin}
            return "" if same else f"route {name}: {entry} should be {document} of {origin}"
        if any(one.closes(name, entry) for one in rest):
            return ""
        bad = [one for one in rest if one.bad]
        if not any(name == one.name or entry.get("origin") == one.origin for one in bad):
            return f"route {name} is {entry}, nobody asks for it"
        once = (entry["doc"], entry.get("origin")) in self.said.get(name, [])
        return "" if once else f"route {name} is {entry}, nobody ever asked for that"

    def teardown(self) -> None:
        self.world.heal()
        why = "not begun"
        for _ in range(60):
            self.world.run(5.0)
            why = self.wrong()
            if not why:
                break
        assert not why, why
        self.world.run(8.0)
        mark = self.world.store.mark
        for process in self.world.processes:
            process.controller.publisher._resync()
        self.world.begin()
        self.world.kill(self.world.processes[0])
        self.world.run(25.0)
        assert self.world.store.mark == mark and not self.wrong()
        self.what_others_wrote_stays()


class ControllingEtcd(Controlling):
    store = PlayedEtcd


#: The same courses each time: each of them takes half a second and more, which leaves no room for many.
SETTINGS = settings(
    max_examples=12, stateful_step_count=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
TestControllingRedis = Controlling.TestCase
TestControllingRedis.settings = SETTINGS
TestControllingEtcd = ControllingEtcd.TestCase
TestControllingEtcd.settings = SETTINGS
