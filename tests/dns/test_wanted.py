"""Who wants which name."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gwt.dns.wanted import Nowhere, Wanted


class Counting(Nowhere):
    """What is wanted now; wanting twice, or dropping what is not wanted, fails."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def want(self, name: str, wanted: bool) -> None:
        assert (name in self.names) is not wanted
        (self.names.add if wanted else self.names.discard)(name)


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from(["a.b", "A.B.", "c.d", None]))))
def test_a_name_is_wanted_as_long_as_anybody_wants_it(course: list[tuple[str, str | None]]) -> None:
    names = Counting()
    wanted = Wanted(names)
    held: dict[str, str] = {}
    for owner, name in course:
        wanted.put(owner, name)
        held.pop(owner, None)
        if name is not None:
            held[owner] = name.lower().rstrip(".")
        assert names.names == set(held.values())
        assert dict(wanted.items()) == held
        for one in ("a.b", "c.d"):
            assert list(wanted.owners(one)) == sorted(key for key, value in held.items() if value == one)


def test_nowhere() -> None:
    nowhere = Nowhere()
    nowhere.want("a.b", True)
    nowhere.seed("a.b", ["192.0.2.1"])
    assert nowhere.addresses("a.b") == ()
