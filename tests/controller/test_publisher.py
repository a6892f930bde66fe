"""When the Publisher writes, and what; tests/laws/test_publisher_laws.py has what holds of any course of events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from certificates import Authority, Pair
from controller.rig import Rig, route
from kube.apiserver import tls_secret

from gwt.controller.publisher import RESYNC
from gwt.dns.wanted import Nowhere
from gwt.store.entries import Entry


def test_one_commit_a_part_soon_after_the_last_change() -> None:
    rig = Rig()
    rig.run(0.5)
    for name in ("a", "b"):
        rig.service(name, (80,))
        rig.config_map(name, route(name))
        rig.clock.advance(0.015)
    assert rig.reader.commits == []
    rig.clock.advance(0.02)
    rig.run(0.1)
    assert [(one.part, len(one.entries[one.part])) for one in rig.reader.commits] == [("services", 2), ("routes", 2)]
    assert rig.reader.commits[1].reason == "ConfigMaps: n/a/r.yaml, n/b/r.yaml"
    assert (rig.reader.commits[0].epoch, rig.reader.commits[0].time) == (1, 1e9)
    assert rig.lags[0] == pytest.approx(0.05)


def test_the_ceiling() -> None:
    rig = Rig()
    rig.run(0.5)
    for number in range(40):
        rig.service(f"s{number}", (80,))
        rig.clock.advance(0.01)
    assert len(rig.reader.commits) == 2
    assert 15 < len(rig.reader.commits[0].entries["services"]) < 25


def test_what_is_gone_does_not_wait() -> None:
    rig = Rig()
    rig.service("a", (80,))
    rig.run(0.5)
    rig.service("a", None)
    rig.clock.advance(0)
    assert rig.reader.hashes["services"] == {}


def test_nothing_before_all_is_known_nor_unless_it_leads() -> None:
    rig = Rig(epoch=None, synced=False)
    rig.service("a", (80,))
    rig.run()
    rig.is_synced = True
    rig.publisher.everything()
    rig.run()
    assert rig.reader.commits == []
    rig.epoch = 3
    rig.publisher.everything()
    rig.run()
    assert rig.reader.commits[0].epoch == 3


def test_what_comes_in_while_a_round_is_under_way_is_written_by_the_next() -> None:
    rig = Rig(slow=True, secrets=True)
    rig.service("a", (80,))
    rig.config_map("m", route("m"))
    rig.run(0.5)
    rig.service("b", (80,))
    while len(rig.reader.commits) < 3:  # the ConfigMaps have been read, Services are written
        rig.clock.advance(0.001)
    rig.config_map("late", route("late"))
    pair = Authority().pair("www.x", days=36500)
    rig.secret("www", tls_secret("n/www", pair.cert, pair.key))
    rig.run(0.5)
    assert rig.reader.hashes["routes"].keys() == {"m", "late"}
    assert rig.reader.hashes["certificates"].keys() == {"n/www"}


def test_what_is_first_seen_while_a_round_is_under_way_is_not_taken_for_gone() -> None:
    before = Rig()
    before.service("a", (80,))
    before.config_map("m", route("m"))
    before.run(0.5)
    rig = Rig(slow=True, synced=False)
    rig.reader.hashes, rig.reader.revs, rig.reader.id = before.reader.hashes, before.reader.revs, "ours"
    rig.run(0.5)
    for number in range(20):
        rig.service(f"s{number}", (80,))
    rig.config_map("other", route("other"))
    rig.clock.advance(0.02)
    while rig.maps._dirty:  # what was known so far is being read
        rig.clock.advance(0.001)
    rig.service("a", (80,))
    rig.config_map("m", route("m"))
    rig.is_synced = True
    rig.publisher.everything()
    rig.run(0.5)
    assert rig.reader.hashes["routes"].keys() == {"m", "other"}
    assert all(text is not None for one in rig.reader.commits for text in one.entries.get("routes", {}).values())


def test_a_resync_repairs_and_else_writes_nothing() -> None:
    rig = Rig()
    rig.service("a", (80,))
    rig.config_map("m", route("a"))
    rig.run()
    before = list(rig.reader.commits)
    rig.clock.advance(RESYNC)
    rig.run()
    assert rig.reader.commits == before
    rig.reader.hashes["services"].clear()  # without a revision of its own
    rig.clock.advance(RESYNC)
    rig.run()
    assert rig.reader.hashes["services"].keys() == {"n/a:80"}


def test_who_is_fenced_writes_no_more() -> None:
    rig = Rig()
    rig.run()
    rig.reader.epoch = 9
    rig.service("a", (80,))
    rig.run()
    assert (rig.epoch, rig.errors, rig.reader.commits) == (None, ["fenced"], [])


def test_a_conflict_is_read_and_tried_again() -> None:
    rig = Rig()
    rig.run()
    rig.reader.deaf = True
    rig.reader.write("services", "tool", "{}")
    rig.service("a", (80,))
    rig.run(0.5)
    assert rig.reader.hashes["services"].keys() == {"n/a:80", "tool"}


def test_the_store_gone_and_back() -> None:
    rig = Rig()
    rig.run()
    rig.reader.down = True
    rig.service("a", (80,))
    rig.run()
    rig.reader.down = False
    rig.run()
    assert rig.reader.hashes["services"].keys() == {"n/a:80"}


def test_much_comes_in_several_commits() -> None:
    rig = Rig()
    for number in range(rig.reader.most + 1):
        rig.service(f"s{number}", (80,))
    rig.run(10)
    assert [len(one.entries["services"]) for one in rig.reader.commits] == [rig.reader.most, 1]


def test_the_end() -> None:
    rig = Rig()
    rig.service("a", (80,))
    rig.publisher.stop()
    rig.service("b", (80,))
    rig.run()
    assert rig.reader.commits == []


def external(rig: Rig, name: str, *ports: int) -> None:
    spec = {"type": "ExternalName", "externalName": "a.example.com", "ports": [{"port": port} for port in ports]}
    value = {"metadata": {"namespace": "n", "name": name}, "spec": spec}
    rig.publisher.services_touched(rig.places.service(f"n/{name}", None, value))


def test_ports_that_routes_ask_for_come_with_the_routes() -> None:
    rig = Rig()
    external(rig, "s")
    rig.run(0.5)
    assert rig.reader.hashes["services"] == {}
    rig.config_map("m", route("a"))
    rig.run(0.5)
    assert rig.reader.hashes["services"].keys() == {"n/s:80"}
    rig.config_map("m", None)
    rig.run(0.5)
    assert rig.reader.hashes["services"] == {}
    text = '{"hosts": ["t"], "namespace": "n", "services": [{"name": "s", "port": 81, "paths": [{"uri": "/"}]}]}'
    rig.reader.write("routes", "tool", text)
    rig.run(2)
    assert rig.reader.hashes["services"].keys() == {"n/s:81"}


def test_what_the_last_leader_wrote_of_a_name_stays_until_it_is_known_better() -> None:
    rig = Rig(names=Seeded())
    entry = '{"source":"kube","external_name":"a.example.com","endpoints":[{"address":"192.0.2.1:80"}]}'
    rig.reader.write("services", "n/s:80", entry)
    external(rig, "s", 80)
    rig.run()
    assert rig.reader.commits == [] and rig.reader.hashes["services"] == {"n/s:80": entry.encode()}


class Seeded(Nowhere):
    """Names of which nothing is known but what the store has."""

    def __init__(self) -> None:
        self.known: tuple[str, ...] = ()
        self.changed = lambda name: None

    def seed(self, name: str, addresses: Iterable[str]) -> None:
        self.known = tuple(addresses)
        self.changed(name)

    def addresses(self, name: str) -> tuple[str, ...]:
        return self.known


CA = Authority()
PAIR = CA.pair("www.x", days=36500)


def secret(name: str = "www", pair: Pair = PAIR, **annotations: str) -> Any:
    return tls_secret(f"n/{name}", pair.cert, pair.key, **annotations)


def test_secrets_are_a_part_of_their_own_that_waits_for_nobody_else() -> None:
    rig = Rig(secrets=False)
    rig.service("a", (80,))
    rig.secret("www", secret())
    rig.reader.write("certificates", "n/gone", Entry({}, "kube").text())
    rig.run(0.5)
    assert [one.part for one in rig.reader.commits] == ["services"]  # nobody may read Secrets, say
    rig.knows_secrets = True
    rig.publisher.secrets_touched()
    rig.run(0.5)
    (commit,) = rig.reader.commits[1:]
    assert (commit.part, commit.epoch, commit.reason) == ("certificates", 1, "")
    assert set(commit.entries["certificates"]) == {"n/www", "n/gone"} and not commit.entries["certificates"]["n/gone"]
    rig.secret("www", secret())
    rig.publisher.everything()
    rig.run(0.5)
    assert len(rig.reader.commits) == 2  # nothing has changed


def test_a_renewal_is_written_at_once_and_what_can_t_be_used_leaves_the_last_one() -> None:
    rig = Rig(secrets=True)
    rig.secret("www", secret())
    rig.run(0.5)
    before = rig.reader.hashes["certificates"]["n/www"]
    rig.secret("www", {**secret(), "data": {"tls.crt": "!"}})
    rig.run(0.5)
    assert rig.reader.hashes["certificates"]["n/www"] == before
    wanted, _ = rig.outcomes[-1]
    assert list(wanted.unusable) == ["n/www"]
    rig.secret("www", secret(pair=CA.pair("www.x", days=36500)))
    rig.clock.advance(0.02)
    assert rig.reader.hashes["certificates"]["n/www"] not in (b"", before)
    rig.reader.write("certificates", "n/www", None)  # somebody else
    rig.run(0.5)
    assert "n/www" in rig.reader.hashes["certificates"]
    rig.secret("www", None)
    rig.run(0.5)
    assert rig.reader.hashes["certificates"] == {}


def test_a_name_that_somebody_else_has_stays_theirs() -> None:
    rig = Rig(secrets=True)
    rig.reader.write("certificates", "n/www", Entry({}, "admin").text())
    rig.secret("www", secret())
    rig.run(0.5)
    assert rig.reader.commits == [] and rig.outcomes[-1][1].foreign == {"n/www"}


def test_without_secrets_certificates_are_not_even_read() -> None:
    rig = Rig()
    rig.reader.write("certificates", "n/www", Entry({}, "kube").text())
    rig.run(1)
    assert rig.reader.commits == [] and "certificates" not in {one.part for one in rig.reader.reads}
