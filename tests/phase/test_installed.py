"""What is installed at one look, and what has changed since another."""

from __future__ import annotations

from phase.plugins import recorder

from gwt.phase.installed import NOTHING, Broken, Installed
from gwt.phase.plugintype import PluginType

A, B = PluginType(recorder("a", 1, "access"), "a.py"), PluginType(recorder("b", 1, "access"), "b.py")


def test_the_first_of_a_name_holds_and_the_other_is_told() -> None:
    other = PluginType(recorder("a", 2, "access"), "other.py")
    both = Installed([A, other, B])
    assert both.types == {"a": A, "b": B}
    assert both.broken == (Broken("other.py", "the name 'a' is taken by a.py", "a"),)
    assert Installed([A, PluginType(A.cls, "again.py")]).broken == ()


def test_what_came_went_or_is_another_has_changed() -> None:
    again = PluginType(A.cls, "a.py")
    assert Installed([A, B]).changed_from(Installed([A])) == {"b"}
    assert NOTHING.changed_from(Installed([A])) == {"a"}
    assert Installed([again, B]).changed_from(Installed([A, B])) == {"a"}
    assert Installed([B, A]).changed_from(Installed([A, B])) == frozenset()
