"""Where an ExternalName may lead to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwt.dns.permits import Permits, literal
from gwt.model.options import ExternalName

DEFAULTS = ExternalName()
USUAL = Permits(DEFAULTS.allow, DEFAULTS.deny_addresses)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", None),
        ("127.255.255.254", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("::127.0.0.1", None),
        ("64:ff9b::127.0.0.1", None),
        ("2002:7f00:1::", None),
        ("169.254.169.254", None),
        ("::ffff:a9fe:a9fe", None),
        ("fe80::1", None),
        ("2001:db8::1%eth0", None),
        ("0.0.0.0", None),
        ("::", None),
        ("::ffff:0.0.0.0", None),
        ("224.0.0.1", None),
        ("ff02::1", None),
        ("127.1", None),
        ("example.com", None),
    ],
)
def test_addresses_by_default(text: str, wanted: str | None) -> None:
    assert USUAL.address(text) == wanted


def test_what_is_no_address_is_never_one_whatever_is_denied() -> None:
    everything = Permits(["*"], [])
    assert [everything.address(one) for one in ("127.0.0.1", "0.0.0.0", "::", "224.0.0.1")] == [
        "127.0.0.1",
        *[None] * 3,
    ]


@given(st.ip_addresses())
def test_an_address_that_is_permitted_is_outside_of_what_is_denied(address: object) -> None:
    found = USUAL.address(str(address))
    if found is not None:
        kept = literal(found)
        assert kept is not None and not (kept.is_loopback or kept.is_link_local or kept.is_unspecified)
        assert USUAL.address(found) == found


def test_names() -> None:
    some = Permits(["*.Example.com.", "one.org"], [])
    assert some.admits("a.b.example.com") and some.admits("one.org")
    assert not some.admits("example.com") and not some.admits("two.org")
    assert not Permits([], []).admits("one.org")
