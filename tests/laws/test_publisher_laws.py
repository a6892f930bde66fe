"""Whatever happens to objects, store and leadership: in the end the store holds what the objects say, and what others
wrote is as they wrote it."""

from __future__ import annotations

import json

from certificates import Authority
from controller.rig import Rig, route
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from kube.apiserver import tls_secret

from gwt.store.entries import Entry

NAMES = st.sampled_from("abc")
PORTS = st.none() | st.sampled_from([(80,), (81,), (80, 81)])
TEXTS = st.none() | st.sampled_from(
    [route("a"), route("b"), route("a", "x.example.com"), "hosts: [", f"{route('c')}\n---\n{route('b')}", "name: a"]
)


CA = Authority()
PAIRS = [CA.pair("www.x", days=36500) for _ in range(2)]
#: A certificate and a key, of one pair or of two.
SECRETS = st.none() | st.tuples(st.sampled_from([0, 1]), st.sampled_from([0, 1]))


class Publishing(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(secrets=True, slow=True)
        self.tools: dict[tuple[str, str], str | None] = {}

    @rule(name=NAMES, ports=PORTS)
    def service(self, name: str, ports: tuple[int, ...] | None) -> None:
        self.rig.service(name, ports)

    @rule(name=NAMES, text=TEXTS)
    def config_map(self, name: str, text: str | None) -> None:
        self.rig.config_map(name, text)

    @rule(name=NAMES, halves=SECRETS)
    def secret(self, name: str, halves: tuple[int, int] | None) -> None:
        value = None
        if halves is not None:
            value = tls_secret(f"n/{name}", PAIRS[halves[0]].cert, PAIRS[halves[1]].key)
        self.rig.secret(name, value)

    @rule(known=st.booleans())
    def allowed(self, known: bool) -> None:
        self.rig.knows_secrets = known
        self.rig.publisher.secrets_touched()

    @rule(part=st.sampled_from(["routes", "services", "certificates"]), name=NAMES, there=st.booleans())
    def tool(self, part: str, name: str, there: bool) -> None:
        key = {"routes": name, "services": f"n/{name}:80", "certificates": f"n/{name}"}[part]
        text = None
        if there:
            text = '{"endpoints":[]}' if part == "services" else Entry({"x": 1}, "admin").text()
        self.tools[part, key] = text
        self.rig.reader.write(part, key, text)

    @rule(seconds=st.sampled_from([0.01, 0.03, 0.05, 1.5]))
    def wait(self, seconds: float) -> None:
        self.rig.run(seconds)

    @rule(down=st.booleans(), deaf=st.booleans())
    def trouble(self, down: bool, deaf: bool) -> None:
        self.rig.reader.down, self.rig.reader.deaf = down, deaf

    @rule()
    def emptied(self) -> None:
        self.tools.clear()
        self.rig.reader.empty()

    @rule(epoch=st.none() | st.integers(1, 3))
    def leader(self, epoch: int | None) -> None:
        self.rig.epoch = epoch
        self.rig.publisher.everything()

    def teardown(self) -> None:
        rig = self.rig
        rig.reader.down = rig.reader.deaf = False
        if not rig.knows_secrets:
            self.allowed(True)
        rig.run(4)
        if rig.epoch is None:  # as it says itself when it leads again; else it has to know by itself what is left to do
            self.leader(10)
            rig.run(4)
        theirs = {key for key, text in self.tools.items() if text is not None}
        services = rig.reader.hashes["services"]
        assert {key: raw.decode() for key, raw in services.items() if ("services", key) not in theirs} == {
            key: text for key, text in rig.places.entries.items() if ("services", key) not in theirs
        }
        desired = rig.maps.desired()
        routes = {name: json.loads(raw) for name, raw in rig.reader.hashes["routes"].items()}
        for name, asked in desired.docs.items():
            if ("routes", name) not in theirs:
                assert (routes[name]["doc"], routes[name]["origin"]) == (asked.doc, asked.origin)
        second = [one for one in desired.closed if one.doc is not None]
        second += [one for name, one in desired.docs.items() if ("routes", name) in theirs]
        for one in second:
            assert routes[one.origin]["doc"] == {"name": one.origin, "hosts": list(one.hosts)}
        closed = {name for one in (*desired.closed, *second) for name in (one.origin, one.name)}
        for name, entry in routes.items():
            kept = entry.get("origin") in desired.unusable or any(name == one[1] for one in desired.unusable)
            assert name in desired.docs or ("routes", name) in theirs or kept or name in closed
        wanted = rig.secrets.wanted()
        certificates = {name: raw.decode() for name, raw in rig.reader.hashes["certificates"].items()}
        for name, text in wanted.entries.items():
            assert ("certificates", name) in theirs or certificates[name] == text
        for name in certificates:
            assert name in wanted.entries or name in wanted.unusable or ("certificates", name) in theirs
        for part, key in theirs:
            assert rig.reader.hashes[part][key].decode() == self.tools[part, key]
        commits = len(rig.reader.commits)
        rig.publisher.everything()
        rig.run(3)
        assert len(rig.reader.commits) == commits


TestPublishing = Publishing.TestCase
TestPublishing.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
