"""The forms agree with the values that they become."""

from __future__ import annotations

import dataclasses

from gwt.model import forms, route
from gwt.model.policy import FIELDS


def test_every_field_of_access_has_a_form() -> None:
    assert {name for cls, name in forms.FORMS if cls is route.Access} == {*FIELDS, "lines"}


def test_what_is_required_has_no_default() -> None:
    for cls, names in forms.REQUIRED.items():
        fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        for name in names:
            assert fields[name].default is dataclasses.MISSING or name in ("paths", "services")
