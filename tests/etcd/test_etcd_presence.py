"""Words of life in an etcd that is played, and in a real one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from store.played_etcd import Etcd
from system.etcd import EtcdServer
from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from gwt.etcd.address import read_address
from gwt.etcd.client import Client, EtcdError
from gwt.etcd.presence import EtcdRegister, lease_of

KEYS = ["/gwt/node/a", "/gwt/node/b"]


def register(etcd: Any, node: str) -> EtcdRegister:
    return EtcdRegister(etcd, "/gwt", node, json.dumps({"version": "1"}))


def told(one: EtcdRegister) -> Any:
    """How many there are, or what went wrong."""
    heard: list[Any] = []
    one.tell(15).addBoth(heard.append)
    return heard[0]


class Slow:
    """An etcd whose answers come when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any, Deferred[Any]]] = []

    def ask(self, path: str, question: Any) -> Deferred[Any]:
        self.asked.append((path.rpartition("/")[2], question, Deferred()))
        return self.asked[-1][2]


def test_gateways_see_each_other_and_whoever_says_nothing_is_forgotten() -> None:
    etcd = Etcd()
    one, two = register(etcd, "a"), register(etcd, "b")
    assert [told(one), told(two), told(one)] == [1, 2, 2]
    assert {key: value for key, (value, _) in etcd.keys.items()} == dict.fromkeys(KEYS, b'{"version": "1"}')
    etcd.expire(lease_of(KEYS[1]))
    assert told(one) == 1 and list(etcd.keys) == KEYS[:1]


def test_staying_alive_costs_no_revision() -> None:
    etcd = Etcd()
    one = register(etcd, "a")
    told(one)
    rev = etcd.rev
    assert told(one) == 1 and etcd.rev == rev


def test_all_workers_of_a_gateway_are_one_and_keep_one_lease() -> None:
    etcd = Etcd()
    workers = [register(etcd, "a") for _ in range(3)]
    assert [told(one) for one in workers] == [1, 1, 1] and list(etcd.leases) == [lease_of(KEYS[0])]
    assert etcd.rev == 2, "only the first has written"
    workers[0].leave()
    assert not etcd.keys
    assert told(workers[1]) == 1 and list(etcd.keys) == KEYS[:1]


@pytest.mark.parametrize("lost", ["lease", "key", "all"])
def test_what_was_lost_is_made_anew(lost: str) -> None:
    etcd = Etcd()
    one = register(etcd, "a")
    told(one)
    if lost == "lease":
        etcd.expire(lease_of(KEYS[0]))
    else:
        etcd.keys.clear()
        etcd.leases[lease_of(KEYS[0])].clear()
    if lost == "all":
        etcd.leases.clear()
    assert told(one) == 1 and etcd.leases == {lease_of(KEYS[0]): {KEYS[0]}}


def test_two_workers_ask_for_the_lease_at_once() -> None:
    slow, heard = Slow(), list[Any]()
    register(slow, "a").tell(15).addBoth(heard.append)
    slow.asked[0][2].callback({"result": {}})
    assert slow.asked[1][:2] == ("grant", {"ID": lease_of(KEYS[0]), "TTL": "15"})
    slow.asked[1][2].errback(EtcdError("it says etcdserver: lease already exists"))
    slow.asked[2][2].callback({"responses": [{}, {"response_range": {"count": "4"}}]})
    assert heard == [4]


def test_good_bye_is_said_at_once_where_there_is_nobody_to_say_it_to() -> None:
    etcd = Etcd()
    one = register(etcd, "a")
    assert one.leave().called and not etcd.keys
    two = register(etcd, "b")
    told(two)
    etcd.down = True
    assert told(two).check(EtcdError)
    assert two.leave().called
    assert list(etcd.keys) == KEYS[1:], "its lease runs out"


def test_whoever_has_left_does_not_come_back_by_what_was_under_way() -> None:
    slow, heard = Slow(), list[Any]()
    one = register(slow, "a")
    one.tell(15).addBoth(heard.append)
    one.leave()
    slow.asked[0][2].callback({"result": {}})
    assert [path for path, _, _ in slow.asked] == ["keepalive"] and heard[0].check(EtcdError)


@pytest.mark.parametrize("answer", [{}, {"responses": []}, {"responses": [{"response_range": {"count": "x"}}]}])
def test_answers_that_are_none_are_failures(answer: Any) -> None:
    slow, heard = Slow(), list[Any]()
    register(slow, "a").tell(15).addBoth(heard.append)
    slow.asked[0][2].callback({"result": {"TTL": "15"}})
    slow.asked[1][2].callback(answer)
    assert heard[0].check(LookupError, ValueError)


def test_a_lease_has_the_id_that_etcd_takes() -> None:
    assert all(0 < int(lease_of(key)) < 2**63 for key in KEYS) and lease_of(KEYS[0]) != lease_of(KEYS[1])


class RealTests(TestCase):
    timeout = 60

    @inlineCallbacks
    def test_whoever_says_nothing_is_forgotten_by_a_real_etcd_and_whoever_leaves_at_once(self) -> Any:
        with EtcdServer() as etcd:
            client = Client(reactor, read_address(etcd.url))
            silent, one, other = (register(client, node) for node in ("silent", "one", "other"))
            for number, (each, lifetime) in enumerate(((one, 30), (other, 30), (silent, 2)), 1):
                self.assertEqual((yield each.tell(lifetime)), number)
            while (yield one.tell(30)) == 3:
                yield deferLater(reactor, 0.1)
            yield other.leave()
            self.assertEqual((yield one.tell(30)), 1)
            etcd.clear()
            self.assertEqual((yield one.tell(30)), 1)
            self.assertEqual(set(etcd.below("/gwt/node/")), {"one"})
            yield client.close()
