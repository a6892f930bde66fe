"""What an earlier revision said, and what brings it back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwt.store.commit import Revision, entry_of, label_of
from gwt.store.revisions import NOTHING, Forgotten, differences, released, rollback, summary, undone


def entry(doc: Any, source: str = "admin", **more: Any) -> dict[str, Any]:
    return {"doc": doc, "source": source, **more}


A, B = entry({"hosts": ["a"]}), entry({"hosts": ["b"]})
KUBE = entry({"hosts": ["k"]}, "kube", origin="n/c/k")
HISTORY = [
    Revision(1, 1.0, "me", "", {"a": (None, A)}),
    Revision(2, 2.0, "me", "", {"a": (A, B), "k": (None, KUBE)}),
    Revision(3, 3.0, "me", "", {"a": (B, None), "lists/x": (None, entry(["10.0.0.0/8"]))}),
]


def test_what_was() -> None:
    assert undone(HISTORY, 3, 3) == {}
    assert undone(HISTORY, 3, 2) == {"a": (B, None), "lists/x": (None, entry(["10.0.0.0/8"]))}
    assert undone(HISTORY, 3, 1)["a"] == (A, None)


@pytest.mark.parametrize(("history", "now", "rev"), [(HISTORY, 3, 4), (HISTORY, 3, -1), (HISTORY[1:], 3, 0),
                                                     ([HISTORY[0], HISTORY[2]], 3, 1)])  # fmt: skip
def test_what_is_not_remembered(history: list[Revision], now: int, rev: int) -> None:
    with pytest.raises(Forgotten):
        undone(history, now, rev)


def test_back_to_the_first() -> None:
    commit = rollback(HISTORY, 3, 1, "me", 9.0)
    assert commit is not None
    assert (commit.expected, commit.actor, commit.reason, commit.time) == (3, "me", "rollback to revision 1", 9.0)
    assert json.loads(commit.entries["routes"]["a"] or "") == A
    assert commit.entries["lists"] == {"x": None}
    # What the controller has made is held at nothing, or it would make it again.
    held = json.loads(commit.entries["routes"]["k"] or "")
    assert held == {"doc": None, "source": "kube", "origin": "n/c/k", "held": 1}


def test_what_the_controller_had_is_held() -> None:
    history = [*HISTORY, Revision(4, 4.0, "kube", "", {"k": (KUBE, entry({"hosts": ["z"]}, "kube"))})]
    commit = rollback(history, 4, 3, "me", 9.0)
    assert commit is not None and json.loads(commit.entries["routes"]["k"] or "") == {**KUBE, "held": 3}


def test_what_is_held_is_given_back() -> None:
    held, nothing = {**KUBE, "held": 1}, {**KUBE, "doc": None, "held": 1}
    texts = {"k": held, "gone": nothing, "free": KUBE, "ours": {**A, "held": 1}, "doc": {"held": 1}}
    routes: dict[str, bytes | None] = {name: json.dumps(value).encode() for name, value in texts.items()}
    found = {"routes": {**routes, "bad": b'"held"{', "none": None}, "lists": {"x": json.dumps(held).encode()}}
    given = {label: text and json.loads(text) for label, text in released(found).items()}
    assert given == {"k": KUBE, "gone": None, "lists/x": KUBE}


def test_back_to_now_is_nothing() -> None:
    assert rollback(HISTORY, 3, 3, "me", 0.0) is None
    history = [*HISTORY, Revision(4, 4.0, "me", "", {"a": (None, A)}), Revision(5, 5.0, "me", "", {"a": (A, None)})]
    assert rollback(history, 5, 3, "me", 0.0) is None


def test_a_summary_names_what_changed() -> None:
    assert summary(HISTORY[2]) == {"rev": 3, "time": 3.0, "actor": "me", "reason": "", "changed": ["a", "lists/x"]}


NAMES = st.sampled_from(["a", "b", "rules/x"])
CHANGES = st.lists(st.dictionaries(NAMES, st.none() | st.integers(0, 3).map(lambda n: entry({"n": n})), min_size=1))


@given(CHANGES, st.data())
def test_any_rollback_gives_what_was(changes: list[dict[str, Any]], data: st.DataObject) -> None:
    content: dict[str, Any] = {}
    past, history = [dict(content)], list[Revision]()
    for number, change in enumerate(changes, 1):
        history.append(Revision(number, 0.0, "", "", {name: (content.get(name), new) for name, new in change.items()}))
        content = {name: value for name, value in {**content, **change}.items() if value is not None}
        past.append(dict(content))
    rev = data.draw(st.integers(0, len(changes)))
    commit = rollback(history, len(changes), rev, "me", 0.0)
    for hash_, entries in (commit.entries if commit else {}).items():
        for name, text in entries.items():
            label = label_of(hash_, name)
            assert entry_of(label) == (hash_, name)
            if text is None:
                content.pop(label, None)
            else:
                content[label] = json.loads(text)
    assert content == past[rev]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
)


def test_fields_that_differ() -> None:
    before = {"hosts": ["a", "b"], "access": {"timeout": 5}}
    after = {"hosts": ["a"], "access": {"timeout": 6}, "namespace": "n"}
    assert list(differences(before, after)) == [
        ("hosts[1]", "b", NOTHING), ("access.timeout", 5, 6), ("namespace", NOTHING, "n")
    ]  # fmt: skip
    assert list(differences(NOTHING, after)) == [("", NOTHING, after)]


@given(VALUES, VALUES)
def test_there_is_a_difference_where_values_differ(before: Any, after: Any) -> None:
    assert bool(list(differences(before, after))) == (before != after)
    backwards = [(path, new, old) for path, old, new in differences(after, before)]
    assert sorted(map(repr, differences(before, after))) == sorted(map(repr, backwards))
    assert list(differences(NOTHING, NOTHING)) == []
