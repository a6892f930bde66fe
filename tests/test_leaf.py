from __future__ import annotations

import pytest

from gwt.leaf import Leaf, LeafOrigin
from gwt.model.policy import DEFAULT_POLICY
from gwt.model.route import Source


def test_a_leaf_alone_has_the_defaults_of_the_contract() -> None:
    leaf = Leaf("foo", "s", "/", DEFAULT_POLICY, LeafOrigin(Source("a.yaml")))
    for name in ("connect", "first_byte", "read", "total", "retries", "retry_buffer", "max_body", "max_message"):
        assert getattr(leaf, name) == getattr(DEFAULT_POLICY, name), name


def test_only_what_the_request_path_fills_is_there_to_fill() -> None:
    leaf = Leaf("foo", "s", "/", DEFAULT_POLICY, LeafOrigin(Source("a.yaml")))
    leaf.stats, leaf.handler = object(), object()
    with pytest.raises(AttributeError):
        leaf.colour = "red"  # type: ignore[attr-defined]


def test_leaves_are_compared_by_identity() -> None:
    one, other = (Leaf("foo", "s", "/", DEFAULT_POLICY, LeafOrigin(Source("a.yaml"))) for _ in range(2))
    assert one != other
    assert len({one, other}) == 2
