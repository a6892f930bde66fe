"""gwt.admin.routes: documents in force and in quarantine."""

from __future__ import annotations

from admin.world import DOCUMENTS, World, told

from gwt.admin.routes import listing, one, table
from gwt.admin.survey import survey
from gwt.snapshot import Snapshot
from gwt.steps import finish


def world() -> Snapshot:
    return World().put({"r.yaml": DOCUMENTS})


def test_every_document_is_listed_with_its_state() -> None:
    snapshot = world()
    reply = listing(snapshot, finish(survey(snapshot)), None, None)
    rows = told(reply)
    assert reply.etag == str(rows["revision"]) == str(snapshot.revision)
    assert rows["next"] is None
    states = {(row["name"], row["source"]["line"]): row["state"] for row in rows["routes"]}
    assert states == {("foo", 1): "in_force", ("bar", 9): "quarantined", ("foo", 13): "quarantined"}


def test_pages() -> None:
    snapshot = world()
    found = finish(survey(snapshot))
    seen, after = [], None
    for _ in range(3):
        page = told(listing(snapshot, found, 1, after))
        seen += [(row["name"], row["hosts"]) for row in page["routes"]]
        after = page["next"]
    assert after is None
    assert sorted(seen) == [("bar", ["bar.example.com"]), ("foo", ["foo.example.com"]), ("foo", ["late.example.com"])]


def test_one_document() -> None:
    snapshot = world()
    found = finish(survey(snapshot))
    foo = told(one(snapshot, found, "foo"))
    assert (foo["state"], foo["outdated"], foo["hosts"]) == ("in_force", False, ["foo.example.com"])
    assert foo["source"] == {"file": "r.yaml", "line": 1, "identity": "r.yaml"}
    assert foo["document"]["services"][0]["paths"][1] == {"uri": "/private", "access": {"auth_type": "login"}}
    assert any("closed" in problem["message"] and problem["severity"] == "warning" for problem in foo["problems"])
    bar = told(one(snapshot, found, "bar"))
    assert (bar["state"], bar["hosts"], bar["document"]) == ("quarantined", ["bar.example.com"], None)
    assert [bar["problems"][0][key] for key in ("file", "line", "severity")] == ["r.yaml", 11, "error"]
    assert told(one(snapshot, found, "r.yaml#2"))["name"] == "bar"
    assert told(one(snapshot, found, "\0r.yaml#2"))["name"] == "bar"
    missing = one(snapshot, found, "nobody")
    assert (missing.status, told(missing)["code"]) == (404, "no_such_route")


def test_a_last_good_version_is_told_as_outdated() -> None:
    store = World()
    good = "name: foo\nhosts: [a]\nservices: [{name: a, port: 80, paths: [{uri: /}]}]\n"
    store.put({"r.yaml": good})
    snapshot = store.put({"r.yaml": good.replace("port", "prot")})
    foo = told(one(snapshot, finish(survey(snapshot)), "foo"))
    assert (foo["state"], foo["outdated"]) == ("in_force", True)
    assert any("prot" in problem["message"] for problem in foo["problems"])


def test_the_table_has_a_row_for_each_path() -> None:
    rows = told(table(world()))["entries"]
    assert [(row["host"], row["uri"]) for row in rows if row["host"][0] == "f"] == [
        ("foo.example.com", "/private"),
        ("foo.example.com", "/"),
    ]
