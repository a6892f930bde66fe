"""What a change is called, and what its record says."""

from __future__ import annotations

import pytest

from gwt.store.commit import Commit, Conflict, Fenced, Revision, entry_of, label_of, read_revision


@pytest.mark.parametrize(
    ("hash_", "name", "label"),
    [
        ("routes", "shop", "shop"),
        ("routes", "ns/cm/key", "ns/cm/key"),
        ("rules", "old", "rules/old"),
        ("lists", "a/b", "lists/a/b"),
        ("routes", "lists/a", "routes/lists/a"),
        ("routes", "routes/a", "routes/routes/a"),
    ],
)
def test_labels(hash_: str, name: str, label: str) -> None:
    assert label_of(hash_, name) == Commit("routes", {}, "me").label(hash_, name) == label
    assert entry_of(label) == (hash_, name)


def test_a_record() -> None:
    raw = '{"rev":3,"time":1.5,"actor":"me","reason":"why","changed":{"a":[null,{"doc":{}}],"b":[1,null]}}'
    assert read_revision(raw) == Revision(3, 1.5, "me", "why", {"a": (None, {"doc": {}}), "b": (1, None)})


@pytest.mark.parametrize("raw", ["", "{}", "[]", "null", '{"rev": 1, "changed": {"a": 1}}', '{"rev":1,"changed":[]}'])
def test_what_is_none(raw: str) -> None:
    with pytest.raises(ValueError):
        read_revision(raw)


def test_refusals_say_why() -> None:
    assert "revision 7" in str(Conflict(7)) and "epoch 3" in str(Fenced(3))
