"""gwt.lists: deny wins, no allow list is everybody, an empty one nobody; lists are found by name and follow changes."""

from __future__ import annotations

import gc

import pytest

from gwt.lists import AddressLists, UnknownList
from gwt.steps import finish

OFFICE = {"office": ("10.0.0.0/8",), "home": ("192.0.2.0/24",)}


def lists_of(**sources: tuple[str, ...]) -> AddressLists:
    return finish(AddressLists().follow(sources))


def admitted(lists: AddressLists, allow: tuple[str, ...] | None, deny: tuple[str, ...] | None, address: str) -> bool:
    rule = lists.rule(allow, deny)
    assert rule is not None
    return rule.admits(address)


def test_without_lists_there_is_no_rule() -> None:
    assert AddressLists().rule(None, None) is None
    assert AddressLists().rule(None, ()) is None


@pytest.mark.parametrize(
    ("allow", "deny", "address", "may"),
    [
        ((), None, "10.0.0.1", False),
        (("10.0.0.0/8",), None, "10.0.0.1", True),
        (("10.0.0.0/8",), None, "11.0.0.1", False),
        (("10.0.0.0/8",), ("10.0.0.1",), "10.0.0.1", False),
        (("10.0.0.0/8",), ("10.0.0.1",), "10.0.0.2", True),
        (None, ("10.0.0.1",), "10.0.0.2", True),
        (None, ("10.0.0.1",), "::ffff:10.0.0.1", False),
        (None, ("10.0.0.1",), "2001:db8::1", True),
        (None, ("10.0.0.1",), "", False),
        (None, ("10.0.0.1",), "unix", False),
        (("@office",), None, "10.1.1.1", True),
        (("@office",), None, "192.0.2.1", False),
        (("@office", "@home"), None, "192.0.2.1", True),
        (("@office", "203.0.113.7"), None, "203.0.113.7", True),
        (("0.0.0.0/0",), ("@home", "203.0.113.7"), "203.0.113.7", False),
        (("0.0.0.0/0",), ("@home", "203.0.113.7"), "192.0.2.200", False),
        (("0.0.0.0/0",), ("@home", "203.0.113.7"), "203.0.113.8", True),
    ],
)
def test_who_may_come(allow: tuple[str, ...] | None, deny: tuple[str, ...] | None, address: str, may: bool) -> None:
    assert admitted(lists_of(**OFFICE), allow, deny, address) is may


@pytest.mark.parametrize(("allow", "deny"), [(("@no",), None), (None, ("@no",)), ((), ("10.0.0.1", "@no"))])
def test_an_unknown_list_is_named(allow: tuple[str, ...] | None, deny: tuple[str, ...] | None) -> None:
    with pytest.raises(UnknownList, match="list '@no' is not defined") as caught:
        lists_of(**OFFICE).rule(allow, deny)
    assert caught.value.name == "no"


def test_a_changed_list_is_compiled_anew_and_the_others_are_shared() -> None:
    before = lists_of(**OFFICE)
    after = finish(before.follow({**OFFICE, "office": ("10.0.0.0/9",)}))
    assert before.changed(after) == {"office"}
    assert admitted(before, ("@office",), None, "10.200.0.1") and not admitted(after, ("@office",), None, "10.200.0.1")
    shared = before.rule(("@home",), None), after.rule(("@home",), None)
    assert shared[0].allow[0] is shared[1].allow[0]  # type: ignore[union-attr,index]


def test_nothing_changed_is_the_same() -> None:
    lists = lists_of(**OFFICE)
    assert finish(lists.follow(dict(OFFICE))) is lists


def test_a_list_that_goes_is_unknown() -> None:
    before = lists_of(**OFFICE)
    after = finish(before.follow({"home": OFFICE["home"]}))
    assert before.changed(after) == {"office"}
    with pytest.raises(UnknownList):
        after.rule(("@office",), None)


def test_equal_rules_are_one_while_somebody_holds_them() -> None:
    lists = lists_of(**OFFICE)
    rule = lists.rule(("@office", "10.0.0.1"), ())
    assert lists.rule(["@office", "10.0.0.1"], None) is rule
    assert len(lists._rules) == 1 and len(lists._inline) == 1
    del rule
    gc.collect()
    assert not lists._rules and not lists._inline


def test_a_list_that_is_wrong_leaves_what_holds() -> None:
    lists = lists_of(**OFFICE)
    with pytest.raises(ValueError, match="'nonsense'"):
        finish(lists.follow({"office": ("nonsense",)}))
    assert admitted(lists, ("@office",), None, "10.0.0.1")
