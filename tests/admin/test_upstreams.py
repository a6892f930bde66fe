"""gwt.admin.upstreams: endpoints and what requests have left behind there."""

from __future__ import annotations

from dataclasses import replace

from admin.world import DOCUMENTS, World, told

from gwt.admin.peers import Heard
from gwt.admin.upstreams import counted, listing, one
from gwt.snapshot import Snapshot

ALONE = Heard(0, 0)


def world() -> Snapshot:
    snapshot = World().put({"r.yaml": DOCUMENTS})
    state = snapshot.upstreams["foo/a:80"].endpoints[0].state
    state.requests, state.failures, state.inflight = 7, 2, 1
    return snapshot


def test_one_service() -> None:
    what = told(one(world(), {}, ALONE, "foo/a:80"))
    assert what["name"] == "foo/a:80"
    assert what["candidates"] == 1
    assert what["endpoints"] == [
        {"address": "10.0.0.1:80", "weight": 1, "ready": True, "serving": True, "terminating": False, "zone": None,
         "in_flight": 1, "requests": 7, "failures": 2},
        {"address": "10.0.0.2:80", "weight": 2, "ready": False, "serving": True, "terminating": False, "zone": None,
         "in_flight": 0, "requests": 0, "failures": 0},
    ]  # fmt: skip
    missing = one(world(), {}, ALONE, "foo/b:80")
    assert (missing.status, told(missing)["code"]) == (404, "no_such_upstream")


def test_the_revision_is_that_of_services_where_there_is_one() -> None:
    snapshot = world()
    shared = replace(snapshot, services_revision=70)
    for seen, revision in ((snapshot, snapshot.revision), (shared, 70)):
        for reply in (one(seen, {}, ALONE, "foo/a:80"), listing(seen, {}, ALONE, None, None)):
            assert reply.etag == str(told(reply)["revision"]) == str(revision)


def test_other_workers_count_too() -> None:
    others = {"foo/a:80": {"10.0.0.1:80": [1, 10, 0], "10.9.9.9:80": [5, 5, 5]}}
    endpoints = told(one(world(), others, ALONE, "foo/a:80"))["endpoints"]
    assert [(e["in_flight"], e["requests"], e["failures"]) for e in endpoints] == [(2, 17, 2), (0, 0, 0)]


def test_it_is_told_how_many_workers_have_counted() -> None:
    heard = Heard(asked=3, answered=1)
    for reply in (one(world(), {}, heard, "foo/a:80"), listing(world(), {}, heard, None, None)):
        assert told(reply)["workers"] == {"asked": 4, "answered": 2}


def test_all_services_by_key_and_in_pages() -> None:
    assert [row["name"] for row in told(listing(world(), {}, ALONE, None, None))["upstreams"]] == ["foo/a:80", "other"]
    page = told(listing(world(), {}, ALONE, 1, None))
    assert (page["upstreams"][0]["name"], page["next"]) == ("foo/a:80", "foo/a:80")
    page = told(listing(world(), {}, ALONE, 1, "foo/a:80"))
    assert (page["upstreams"][0]["name"], page["next"]) == ("other", None)


def test_what_a_worker_tells_others() -> None:
    assert [said for said in counted(world(), None) if said] == [["foo/a:80", {"10.0.0.1:80": [1, 7, 2]}]]
    assert [said for said in counted(world(), "foo/a:80") if said] == [["foo/a:80", {"10.0.0.1:80": [1, 7, 2]}]]
    assert [said for said in counted(world(), "other") if said] == []
    assert list(counted(world(), "nobody")) == []
