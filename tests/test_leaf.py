from __future__ import annotations

import pytest

from gwt.errors import GatewayError
from gwt.leaf import Leaf, LeafOrigin
from gwt.model.policy import DEFAULT_POLICY
from gwt.model.route import Source
from gwt.route.path import normalise


def test_a_leaf_alone_has_the_defaults_of_the_contract() -> None:
    leaf = Leaf("foo", "s", "/", DEFAULT_POLICY, LeafOrigin(Source("a.yaml")))
    for name in ("connect", "first_byte", "read", "total", "retries", "retry_buffer", "max_body", "max_message"):
        assert getattr(leaf, name) == getattr(DEFAULT_POLICY, name), name


def test_only_what_the_request_path_fills_is_there_to_fill() -> None:
    leaf = Leaf("foo", "s", "/", DEFAULT_POLICY, LeafOrigin(Source("a.yaml")))
    leaf.stats, leaf.handler = object(), object()
    with pytest.raises(AttributeError):
        leaf.colour = "red"  # type: ignore[attr-defined]


def test_what_is_asked_for() -> None:
    leaf = Leaf("foo", "s", "/", DEFAULT_POLICY, LeafOrigin(Source("a.yaml")), depth=2)
    assert leaf.asked(b"/a") == b"/a" and leaf.aimed("other", None, False).depth == 2
    assert leaf.aimed(None, None, True).depth == 0
    leaf.rewrite = lambda path: b"/v2" + path
    assert leaf.asked(b"/a") == b"/v2/a"
    leaf.rewrite = normalise
    with pytest.raises(GatewayError, match="the rewritten path is none") as caught:
        leaf.asked(b"/..")
    assert caught.value.code == "bad_request"


def test_leaves_are_compared_by_identity() -> None:
    one, other = (Leaf("foo", "s", "/", DEFAULT_POLICY, LeafOrigin(Source("a.yaml"))) for _ in range(2))
    assert one != other
    assert len({one, other}) == 2
