"""The Election: when to take a Lease, when to let it go, and with which epoch."""

from __future__ import annotations

from typing import Any

from gwt.kube.lease import Election, Terms


class Store:
    """The Lease as the API server has it."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.rev = 0

    def write(self, value: dict[str, Any]) -> dict[str, Any]:
        self.rev += 1
        self.lease = {**value, "metadata": {**value["metadata"], "resourceVersion": str(self.rev)}}
        return self.lease


def election(name: str) -> Election:
    return Election("gwt-controller", "n", name, Terms())


def turn(one: Election, store: Store, now: float) -> bool:
    wanted = one.decide(store.lease, now, 1e9 + now)
    if wanted is not None:
        one.wrote(store.write(wanted), now)
    return one.leads(now)


def test_the_first_leads_and_the_other_waits() -> None:
    store, a, b = Store(), election("a"), election("b")
    assert turn(a, store, 0) and not turn(b, store, 1)
    assert (a.epoch, b.holder) == (1, "a")
    assert turn(a, store, 2) and a.epoch == 1
    assert store.lease is not None and store.lease["spec"]["renewTime"].endswith("Z")


def test_it_is_taken_over_when_it_was_not_renewed_for_its_time() -> None:
    store, a, b = Store(), election("a"), election("b")
    turn(a, store, 0)
    assert [turn(b, store, now) for now in (5, 10, 14.9, 15)] == [False, False, False, True]
    assert b.epoch == 2
    assert not a.leads(7.0), "it stops before anybody else may begin"
    assert not turn(a, store, 16)


def test_what_others_say_of_a_lease_stays() -> None:
    store, a, b = Store(), election("a"), election("b")
    said = {
        "labels": {"team": "edge"}, "annotations": {"note": "x"}, "uid": "u",
        "creationTimestamp": "2026-01-01T00:00:00Z", "ownerReferences": [{"kind": "Deployment", "name": "gwt"}],
    }  # fmt: skip
    store.write({"metadata": {"name": "gwt-controller", "namespace": "n", **said}, "spec": {}})
    for one, now in ((a, 0.0), (a, 2.0), (b, 2.0), (b, 12.0)):
        turn(one, store, now)
    assert store.lease is not None and store.lease["spec"]["holderIdentity"] == "b"
    released = b.released(store.lease, 1e9)
    for lease in (store.lease, released):
        assert lease is not None
        metadata = {"name": "gwt-controller", "namespace": "n", **said, "resourceVersion": str(store.rev)}
        assert lease["metadata"] == metadata


def test_other_clocks_do_not_matter() -> None:
    store, a, b = Store(), election("a"), election("b")
    turn(a, store, 0)
    for now in range(1000, 1100, 2):
        turn(a, store, now - 1000)
        assert not turn(b, store, now)


def test_what_was_released_is_taken_at_once() -> None:
    store, a, b = Store(), election("a"), election("b")
    turn(a, store, 0)
    turn(b, store, 1)
    released = a.released(store.lease or {}, 1e9)
    assert released is not None
    store.write(released)
    assert turn(b, store, 1.1) and b.epoch == 2
    assert a.released(store.lease or {}, 1e9) is None


def test_a_lease_made_anew_gets_an_epoch_above_what_the_store_has_seen() -> None:
    store, a = Store(), election("a")
    turn(a, store, 0)
    a.fenced(57)
    assert not a.leads(0.1)
    assert turn(a, store, 2) and a.epoch == 58


def test_a_lease_that_is_deleted_under_its_holder() -> None:
    store, a = Store(), election("a")
    turn(a, store, 0)
    store.lease = None
    assert turn(a, store, 2) and a.epoch == 2


def test_nonsense_in_a_lease_does_no_harm() -> None:
    store, a = Store(), election("a")
    store.lease = {"metadata": {"resourceVersion": "1"}, "spec": {"holderIdentity": 5, "leaseTransitions": "x"}}
    assert not turn(a, store, 0)
    assert turn(a, store, 20) and a.epoch == 1
