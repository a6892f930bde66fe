"""Laws of merging: associative over levels; every value is a default, or that of the lowest level that set it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.model.policy import DEFAULT_ORIGIN, DEFAULT_POLICY, FIELDS, Origin, apply, merge, overlay
from gwt.model.route import Access, RateLimit, Timeout

SECONDS = st.floats(0.001, 100)
ACCESS = st.builds(
    Access,
    auth_type=st.none() | st.sampled_from(["public", "login", ("key-auth",)]),
    require=st.none() | st.just({"role": ("admin",)}),
    timeout=st.none() | st.builds(Timeout, SECONDS, SECONDS, SECONDS, st.none() | SECONDS),
    rate_limits=st.none() | st.just(()) | st.just((RateLimit(5),)),
    ip_allow=st.none() | st.just(()) | st.just(("10.0.0.0/8",)),
    ip_deny=st.none() | st.just(()),
    retries=st.none() | st.integers(0, 3),
    retry_buffer=st.none() | st.integers(0, 3),
    max_body=st.none() | st.integers(0, 3),
    max_message=st.none() | st.integers(0, 3),
    lines=st.dictionaries(st.sampled_from(FIELDS), st.integers(1, 99)),
)
LEVELS = st.lists(ACCESS, max_size=4).map(
    lambda found: [(Origin("path", str(number), "f", 100 + number), access) for number, access in enumerate(found)]
)


@settings(deadline=None)
@given(LEVELS, st.data())
def test_merging_is_associative(levels: list[tuple[Origin, Access]], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(levels)))
    assert merge(levels) == apply(merge(levels[:cut]), levels[cut:])


@settings(deadline=None)
@given(ACCESS, ACCESS, ACCESS)
def test_overlaying_is_associative(one: Access, two: Access, three: Access) -> None:
    left, right = overlay(overlay(one, two), three), overlay(one, overlay(two, three))
    assert [getattr(left, name) for name in FIELDS] == [getattr(right, name) for name in FIELDS]


@settings(deadline=None)
@given(LEVELS)
def test_every_value_is_that_of_the_level_it_names(levels: list[tuple[Origin, Access]]) -> None:
    policy = merge(levels)
    by_name = {origin.name: access for origin, access in levels}
    for name in FIELDS:
        origin = policy.origins[name]
        said = [(one.name, getattr(access, name)) for one, access in levels if getattr(access, name) is not None]
        if not said:
            assert origin == DEFAULT_ORIGIN
            assert getattr(policy, name) == getattr(DEFAULT_POLICY, name)
        else:
            assert (origin.name, getattr(policy, name)) == said[-1]
            assert origin.line == by_name[origin.name].lines.get(name, 100 + int(origin.name))
