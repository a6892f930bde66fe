"""What a store no longer holds and has not said so."""

from __future__ import annotations

from gwt.store.doubt import Doubt

NAMES = [f"r{number}" for number in range(30)]


def test_what_is_missing_is_held_back_for_a_while_and_then_believed() -> None:
    doubt = Doubt("the store", 30.0)
    why = doubt.of("routes", NAMES, NAMES[:10], 100.0)
    assert str(why) == (
        "the store has shrunk from 30 to 10 routes at once: that is held back for 30 s more, unless it comes back"
    )
    assert doubt.parts == {"routes"} and "20 s more" in str(doubt.of("routes", NAMES, [], 110.0))
    assert doubt.of("routes", NAMES, NAMES[:10], 130.0) is None
    doubt.believed("routes")
    assert doubt.parts == set() and doubt.of("routes", NAMES, [], 131.0) is not None


def test_a_part_in_which_nothing_is_left_is_doubted_however_small() -> None:
    doubt = Doubt("the store", 30.0)
    assert doubt.of("services", NAMES[:1], [], 0.0) is not None
    assert doubt.of("routes", NAMES[:19], NAMES[:1], 0.0) is None
    assert doubt.of("routes", [], [], 0.0) is None and doubt.parts == {"services"}


def test_its_time_may_change_meanwhile() -> None:
    doubt = Doubt("the store", 30.0)
    doubt.of("routes", NAMES, [], 0.0)
    doubt.hold = 5.0
    assert doubt.of("routes", NAMES, [], 5.0) is None
