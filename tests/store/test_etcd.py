"""gwt.store.etcd: reading whole, watching, being behind; tests/system has a real one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from store.played_etcd import Etcd
from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import MemoryReactorClock

from gwt.etcd.address import Address
from gwt.etcd.messages import b64
from gwt.store.base import StoreError
from gwt.store.commit import Commit, Conflict, Fenced
from gwt.store.etcd import LATE, EtcdReader
from gwt.store.follow import Question


class Store:
    def __init__(self) -> None:
        self.told: list[Any] = []

    def heard(self, change: Any) -> None:
        self.told.append(change)

    def follow_from(self) -> None:
        self.told.append("follow")


@pytest.fixture
def etcd() -> Etcd:
    made = Etcd()
    made.put("id", "a")
    made.put("format", "1")
    for number in range(600):  # more than a page
        made.put(f"services/n/s{number}:80", "{}")
    made.put("routes/a", '{"doc": 1, "source": "admin"}')
    return made


def reader(etcd: Etcd) -> Any:
    made: Any = EtcdReader(MemoryReactorClock(), Address(("http://a",)))
    made._client = etcd
    made.start(Store())
    return made


def result(asked: Deferred[Any]) -> Any:
    told: list[Any] = []
    asked.addBoth(told.append)
    return told[0]


def test_all_is_read_in_pages_and_then_watched(etcd: Etcd) -> None:
    one = reader(etcd)
    state = result(one.state())
    assert (state.id, state.format) == ("a", "1") and one.revision(state.revs) == etcd.rev
    _, found = result(one.read(Question("services", None)))
    assert len(found["services"]) == 600
    assert etcd.watches[0][0]["start_revision"] == str(etcd.rev + 1)


def test_an_etcd_that_is_restored_from_a_copy_says_that_it_went_back(etcd: Etcd) -> None:
    one = reader(etcd)
    before = result(one.state())
    etcd.rev -= 50
    etcd.watches[0][2]("it ended")
    after = result(one.state())
    assert after.revs["routes"] > before.revs["routes"]  # as it counts itself: all is to be read again
    for part in after.revs:
        assert one.expected(part, after.revs) < one.expected(part, before.revs)


def test_an_etcd_needs_no_id_as_long_as_something_stands_there(etcd: Etcd) -> None:
    del etcd.keys["/gwt/id"]
    one = reader(etcd)
    assert result(one.state()).id == ""
    etcd.keys.clear()
    one = reader(etcd)
    assert result(one.state()).id is None


def test_what_the_watch_tells(etcd: Etcd) -> None:
    one = reader(etcd)
    result(one.state())
    event = {"kv": {"key": b64("/gwt/routes/b"), "value": b64("{}"), "mod_revision": str(etcd.rev + 1)}}
    etcd.watches[0][1]({"events": [event]})
    assert one._store.told[1].names == ("b",) and result(one.read(Question("routes", frozenset("b"))))[1]["routes"]["b"]
    with pytest.raises(ValueError, match="compacted at 5"):
        etcd.watches[0][1]({"canceled": True, "compact_revision": "5"})
    etcd.watches[0][2]("it ended")
    assert one._store.told[-1] == "follow"
    result(one.state())
    assert len(etcd.watches) == 2


def test_a_watch_that_tells_nothing_is_given_up(etcd: Etcd) -> None:
    one = reader(etcd)
    result(one.state())
    etcd.put("routes/b", "{}")
    for passed, watches in ((0, 1), (LATE / 2, 1), (LATE / 2, 2)):
        one._clock.advance(passed)
        result(one.state())
        assert len(etcd.watches) == watches
    assert result(one.read(Question("routes", None)))[1]["routes"].keys() == {"a", "b"}


def test_a_store_that_can_t_be_read(etcd: Etcd) -> None:
    one = reader(etcd)
    etcd.down = True
    assert result(one.state()).check(StoreError)
    assert result(one.history()).check(StoreError)
    assert result(one.commit(Commit("routes", {"routes": {"a": None}}, "me"))).check(StoreError)


@pytest.mark.parametrize("answer", [
    {}, {"header": {"revision": "x"}}, {"header": {"revision": "7"}, "kvs": 5},
    {"header": {"revision": "7"}, "kvs": [5]}, {"header": 1, "responses": [1]},
])  # fmt: skip
def test_an_answer_that_is_none_of_etcd_is_a_line_for_people(etcd: Etcd, answer: Any) -> None:
    one = reader(etcd)
    one._client = type("Answers", (), {"ask": lambda *_: succeed(answer)})()
    for asked in (one.state(), one.commit(Commit("routes", {"routes": {"a": None}}, "me"))):
        assert result(asked).check(StoreError)


def write(one: Any, text: str | None, name: str = "a", **more: Any) -> Any:
    return result(one.commit(Commit("routes", {"routes": {name: text}}, "me", "why", 1.0, **more)))


def test_commits_and_their_history(etcd: Etcd) -> None:
    one = reader(etcd)
    first = write(one, '{"doc": 2}')
    second = write(one, None)
    assert first < second == etcd.rev and "/gwt/routes/a" not in etcd.keys
    history = result(one.history())
    assert [(each.rev, each.actor, each.reason) for each in history] == [(first, "me", "why"), (second, "me", "why")]
    assert history[0].changed == {"a": ({"doc": 1, "source": "admin"}, {"doc": 2})}
    assert history[1].changed == {"a": ({"doc": 2}, None)}


def test_an_empty_store_gets_an_id() -> None:
    etcd = Etcd()
    write(reader(etcd), "{}")
    assert etcd.keys["/gwt/format"][0] == b"1" and etcd.keys["/gwt/id"][0]


def test_whoever_expects_another_revision_changes_nothing(etcd: Etcd) -> None:
    one = reader(etcd)
    rev = write(one, '{"doc": 2}')
    assert write(one, None, expected=rev - 1).check(Conflict)
    assert write(one, None, expected=rev) == rev + 1
    assert write(one, "{}", expected=rev).check(Conflict)  # what was deleted has changed, too


def test_what_others_write_meanwhile_is_seen(etcd: Etcd) -> None:
    one = reader(etcd)
    etcd.interfere = lambda: etcd.put("routes/a", '{"doc": 7}')
    write(one, '{"doc": 8}')
    assert result(one.history())[-1].changed == {"a": ({"doc": 7}, {"doc": 8})}


def test_an_old_controller_and_another_format(etcd: Etcd) -> None:
    one = reader(etcd)
    assert write(one, "{}", epoch=3) == etcd.rev
    assert write(one, None, epoch=2).check(Fenced)
    etcd.put("format", "2")
    assert write(one, None).check(StoreError)


def test_services_have_no_history(etcd: Etcd) -> None:
    one = reader(etcd)
    result(one.commit(Commit("services", {"services": {"u": "{}"}}, "me")))
    assert result(one.history()) == [] and json.loads(etcd.keys["/gwt/services/u"][0]) == {}
