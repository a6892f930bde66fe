from __future__ import annotations

from gwt.balance.endpoint import Registry
from gwt.model.route import Access
from gwt.surroundings import Surroundings


def test_equal_settings_with_the_same_registry_are_the_same_surroundings() -> None:
    registry = Registry(lambda: 0.0, lambda: 0.5)
    one = Surroundings(registry, Access(retries=2), resources=frozenset({"files"}))
    assert one == Surroundings(registry, Access(retries=2), resources=frozenset({"files"}))
    assert one != Surroundings(registry, Access(retries=3), resources=frozenset({"files"}))
    assert one != Surroundings(Registry(lambda: 0.0, lambda: 0.5), Access(retries=2), resources=frozenset({"files"}))
