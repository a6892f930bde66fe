"""gwt.admin.problems: everything that is wrong, with its place."""

from __future__ import annotations

from admin.world import DOCUMENTS, World, told

from gwt.admin.problems import answer
from gwt.admin.survey import survey
from gwt.steps import finish

STORE = {"name": "file:./routes", "failing_for": None, "failure": None}


def test_all_is_told() -> None:
    snapshot = World().put({"r.yaml": DOCUMENTS})
    what = told(answer(snapshot, finish(survey(snapshot)), STORE))
    assert what["store"] == STORE
    assert what["errors"] + what["warnings"] == len(what["problems"]) == len(list(snapshot.problems()))
    assert [one["name"] for one in what["quarantined"]] == ["bar", "foo"]
    first = what["quarantined"][0]
    assert first["source"] == {"file": "r.yaml", "line": 9, "identity": "r.yaml#2"}
    assert first["problems"][0]["line"] == 11
    assert all({"file", "line", "column", "severity", "message", "name"} == set(one) for one in what["problems"])


def test_what_an_earlier_version_holds_for() -> None:
    world = World()
    world.put({"a.yaml": "name: a\nhosts: [a]\nservices: [{upstream: u, paths: [{uri: /}]}]\n"})
    snapshot = world.put({"a.yaml": "\nname: a\nhosts: [a]\nservices: 7\n"})
    what = told(answer(snapshot, finish(survey(snapshot)), STORE))
    assert what["quarantined"] == [{"name": "a", "state": "outdated", "in_force": {"file": "a.yaml", "line": 1}}]


def test_nothing_is_wrong() -> None:
    snapshot = World().snapshot
    what = told(answer(snapshot, finish(survey(snapshot)), STORE))
    assert (what["errors"], what["problems"], what["quarantined"]) == (0, [], [])
