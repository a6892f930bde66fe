from __future__ import annotations

from gwt.stamps import RACY_NS, Stamp
from gwt.store.known import Known, Suspects
from gwt.store.scan import Listing

OLD: Stamp = (1_000, 10, 1, 1)
NEW: Stamp = (1_000, 11, 1, 1)
LATE = OLD[0] + RACY_NS + 1


def suspects(known: Known, listing: Listing) -> Suspects:
    return known.suspects(listing)


def test_what_is_new_changed_or_gone_is_suspect() -> None:
    known = Known()
    assert suspects(known, Listing({"a": OLD})) == {"a": OLD}
    known.note("a", OLD, b"digest", LATE)
    assert suspects(known, Listing({"a": OLD})) == {}
    assert suspects(known, Listing({"a": NEW})) == {"a": NEW}
    assert suspects(known, Listing({})) == {"a": None}


def test_a_change_right_after_reading_can_not_hide() -> None:
    known = Known()
    known.note("a", OLD, b"digest", OLD[0] + 5)
    assert suspects(known, Listing({"a": OLD})) == {"a": OLD}
    known.note("a", OLD, b"digest", LATE)
    assert suspects(known, Listing({"a": OLD})) == {}


def test_what_can_not_be_seen_is_left_alone() -> None:
    known = Known()
    known.note("dir/a", OLD, b"digest", LATE)
    assert suspects(known, Listing({}, {"dir": "Permission denied"})) == {}
    assert suspects(known, Listing({}, {"": "No such file or directory"})) == {}


def test_digests_are_remembered_until_forgotten() -> None:
    known = Known()
    assert known.digest("a") is None
    known.note("a", OLD, b"digest", LATE)
    assert (known.digest("a"), len(known)) == (b"digest", 1)
    known.forget("a")
    assert (known.digest("a"), len(known)) == (None, 0)
