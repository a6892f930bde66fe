"""gwt.admin.survey: what is not in force as it was written."""

from __future__ import annotations

from typing import Any

from admin.world import DOCUMENTS, World

from gwt.admin.survey import Surveys, label, survey
from gwt.steps import finish

UNKNOWN = "name: a\nhosts: [a]\nservices: [{upstream: u, paths: [{uri: /, access: {auth_type: sso}}]}]\n"


def test_bad_documents_and_doubles_are_closed() -> None:
    found = finish(survey(World().put({"r.yaml": DOCUMENTS})))
    assert {key: one.name for key, one in found.closed.items()} == {"r.yaml#2": "bar", "r.yaml#3 foo": "foo"}
    assert (found.outdated, found.quarantined) == (frozenset(), 2)
    assert found.errors >= 2
    assert found.warnings >= 1


def test_earlier_versions_are_outdated() -> None:
    world = World()
    world.put({"a.yaml": "name: a\nhosts: [a]\nservices: [{upstream: u, paths: [{uri: /}]}]\n"})
    found = finish(survey(world.put({"a.yaml": "name: a\nhosts: [a]\nservices: [{upstream: u, paths: 7}]\n"})))
    assert (found.closed, found.outdated, found.quarantined) == ({}, {"a"}, 1)


def test_what_comes_into_force_with_paths_closed_is_not_outdated() -> None:
    found = finish(survey(World().put({"a.yaml": UNKNOWN})))
    assert (found.closed, found.outdated, found.errors) == ({}, frozenset(), 1)


def test_it_is_made_again_only_where_documents_changed() -> None:
    world, surveys = World(), Surveys()
    first = finish(surveys.get(world.put({"r.yaml": DOCUMENTS})))
    again: Any = surveys.get(world.put({"u.yaml": "upstreams: {more: ['10.0.0.9:80']}"}))
    assert list(again) == []  # nothing to do
    assert finish(surveys.get(world.snapshot)) is first
    surveys.forget(world.snapshot)
    assert finish(surveys.get(world.snapshot)) is first
    surveys.forget(world.put({"r.yaml": ""}))
    assert surveys._of == ()
    assert finish(surveys.get(world.snapshot)) is not first


def test_labels() -> None:
    assert (label("foo"), label("\0r.yaml#2")) == ("foo", "r.yaml#2")
