"""gwt.identity.require: scalars and lists of a claim."""

from __future__ import annotations

from typing import Any

import pytest

from gwt.identity.require import Requirement

ADMIN = Requirement({"role": ("admin", "root")})


@pytest.mark.parametrize(
    ("claims", "met"),
    [
        ({"role": "admin"}, True),
        ({"role": "root"}, True),
        ({"role": "user"}, False),
        ({"role": "admin root"}, False),
        ({"role": "Admin"}, False),
        ({"role": ["user", "admin"]}, True),
        ({"role": ["user"]}, False),
        ({"role": []}, False),
        ({"role": [["admin"]]}, False),
        ({"role": {"admin": True}}, False),
        ({"role": None}, False),
        ({"roles": "admin"}, False),
        ({}, False),
    ],
)
def test_one_claim(claims: dict[str, Any], met: bool) -> None:
    assert ADMIN.met(claims) is met


@pytest.mark.parametrize(
    ("value", "wanted", "met"),
    [
        (3, "3", True), (3, "3.0", False), (3.0, "3.0", True), (True, "true", True), (True, "True", False),
        (True, "1", False), (False, "false", True), (None, "null", False), ([1, 2], "2", True), (0, "", False),
    ],
)  # fmt: skip
def test_values_that_are_no_texts(value: object, wanted: str, met: bool) -> None:
    assert Requirement({"level": (wanted,)}).met({"level": value}) is met


def test_all_claims_must_hold() -> None:
    both = Requirement({"role": ("admin",), "org": ("x", "y")})
    assert both.met({"role": ["admin"], "org": "y"})
    assert not both.met({"role": "admin"}) and not both.met({"role": "admin", "org": "z"})
    assert Requirement({}).met({})
