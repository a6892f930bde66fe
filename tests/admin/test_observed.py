"""gwt.admin.observed: the parts that a gateway really has are what the admin listener reads."""

from __future__ import annotations

from typing import Any

from gwt.admin.observed import Accepting, Healthy
from gwt.edge.listener import HttpFactory
from gwt.health import Health
from gwt.model.settings import Limits


def members(protocol: Any) -> set[str]:
    return {*protocol.__annotations__, *(name for name in vars(protocol) if not name.startswith("_"))}


def test_nothing_is_missing() -> None:
    health = Health(lambda: 0.0)
    factory = HttpFactory(None, Limits(), lambda: 0.0, lambda peer: False, None, None)  # type: ignore[arg-type]
    assert all(hasattr(health, name) for name in members(Healthy))
    assert all(hasattr(factory, name) for name in members(Accepting))
