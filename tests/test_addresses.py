"""gwt.addresses: what a set of CIDRs holds, what is no address, and what a large set remembers."""

from __future__ import annotations

import pytest

from gwt.addresses import _LARGE, _REMEMBERED, AddressSet, number

OFFICE = AddressSet.of(["10.0.0.0/9", "10.128.0.0/9", "192.0.2.1", "2001:db8::/32", "::ffff:172.16.0.0/108"])


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.0.0.0", True),
        ("10.255.255.255", True),
        ("9.255.255.255", False),
        ("11.0.0.0", False),
        ("192.0.2.1", True),
        ("192.0.2.2", False),
        ("::ffff:10.1.2.3", True),
        ("::ffff:a01:203", True),
        ("::10.1.2.3", False),
        ("172.31.255.255", True),
        ("172.32.0.0", False),
        ("2001:db8::", True),
        ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", True),
        ("2001:db9::", False),
        ("2001:DB8::1%eth0", True),
    ],
)
def test_members(address: str, inside: bool) -> None:
    assert (address in OFFICE) is inside


@pytest.mark.parametrize(
    "text",
    ["", "unix:", "10.0.0", "10.0.0.1/32", "010.0.0.1", "10.0.0.1 ", "10.0.0.256", "::1::", "%", "\0", "10.0.0.\u0661"],
)
def test_what_is_no_address_is_nowhere(text: str) -> None:
    assert number(text) is None
    assert text not in OFFICE and text not in AddressSet.of(["0.0.0.0/0", "::/0"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/8",
        "10.0.0.0/33",
        "10.0.0.0/",
        "10.0.0.0/-1",
        "10.0.0.0/8/8",
        "::/129",
        "::/\u0661",
        "10.0/8",
        "@office",
        "fe80::%1/64",
    ],
)
def test_what_is_no_cidr_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address or a network") as caught:
        AddressSet.of(["10.0.0.0/8", text])
    assert repr(text) in str(caught.value)


def test_families_are_apart() -> None:
    all_of_v6, all_of_v4 = AddressSet.of(["::/0"]), AddressSet.of(["0.0.0.0/0"])
    assert "::" in all_of_v6 and "ffff::" in all_of_v6 and "10.0.0.1" not in all_of_v6
    assert "10.0.0.1" in all_of_v4 and "::ffff:10.0.0.1" in all_of_v4 and "::" not in all_of_v4
    assert "::ffff:10.0.0.1" not in AddressSet.of(["::ffff:0:0/95"])


def test_equal_sets_are_equal() -> None:
    assert AddressSet.of(["10.0.0.0/8"]) == AddressSet.of(["10.1.2.3/9", "10.200.0.0/9", "10.7.7.7"])
    assert hash(AddressSet.of(["10.0.0.0/8"])) == hash(AddressSet.of(["10.0.0.0/9", "10.128.0.0/9"]))
    assert AddressSet.of([]) != AddressSet.of(["::"]) and AddressSet.of([]) != ()
    assert repr(OFFICE) == "<AddressSet of 4 ranges>"


def test_a_large_set_remembers_some_answers_and_stays_right() -> None:
    large = AddressSet.of([f"10.{n}.0.0/17" for n in range(_LARGE)])
    asked = [f"10.{n % 256}.{n // 256}.1" for n in range(_REMEMBERED + 100)]
    for _ in range(2):
        assert all(
            (one in large) is (int(one.split(".")[1]) < _LARGE and int(one.split(".")[2]) < 128) for one in asked
        )
    assert len(large._known) <= _REMEMBERED
    assert "10.0.0.1" in OFFICE and not OFFICE._known


def test_a_long_list_is_compiled_in_steps() -> None:
    steps = AddressSet.steps([f"10.{n >> 8}.{n & 255}.0/25" for n in range(10_000)])
    pauses = 0
    while True:
        try:
            next(steps)
            pauses += 1
        except StopIteration as stop:
            compiled = stop.value
            break
    assert pauses > 50 and "10.7.7.7" in compiled and "10.7.7.200" not in compiled
