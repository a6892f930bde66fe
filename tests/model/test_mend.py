"""A mended document passes the schema, and hides no fault that stands by itself."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.model import schema
from gwt.model.mend import independent, mended
from gwt.model.validate import Fault, trail_of

KEYS = [
    "hosts",
    "services",
    "paths",
    "uri",
    "access",
    "timeout",
    "rate_limits",
    "rate",
    "balance",
    "sticky",
    "envs",
    "mark",
    "x",
]
VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 9) | st.sampled_from(["", "/", "a", "sticky"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


def faults_of(value: Any) -> list[Fault]:
    faults: list[Fault] = []
    schema.check_document("Route")(value, None, faults)
    return faults


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4))
def test_mending_changes_only_what_is_wrong(value: Any) -> None:
    faults = faults_of(value)
    result = mended(value, faults)
    if not faults:
        assert result == value
    left = [fault for fault in faults_of(result) if "takes at least 1 item" not in fault.message]
    assert left == [], (result, left)


def test_faults_that_what_was_taken_out_may_have_caused_are_dropped() -> None:
    broken = [Fault(trail_of(("services", 0, "port")), "bad port")]
    found = [
        Fault(trail_of(("services", 0)), "needs its port"),
        Fault(trail_of(("services", 0, "paths", 0, "uri")), "starts with /"),
        Fault(trail_of(("hosts", 0)), "odd", severity="warning"),
    ]
    assert [fault.message for fault in independent(found, broken)] == ["starts with /"]
