"""Sets of addresses are what `ipaddress` says, and rules what allow and deny say."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from gwt.addresses import AddressSet, number
from gwt.lists import AddressLists
from gwt.model.units import cidr
from gwt.steps import finish

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Few places, so that networks overlap, touch and miss each other by one.
narrow_v4 = st.integers(0, 300).map(lambda n: IPv4Address((10 << 24) + n))
narrow_v6 = st.integers(0, 300).map(lambda n: IPv6Address((0x20010DB8 << 96) + n))
mapped = narrow_v4.map(lambda a: IPv6Address(f"::ffff:{a}"))
addresses = st.one_of(narrow_v4, narrow_v6, mapped, st.ip_addresses())


@st.composite
def networks(draw: st.DrawFn) -> str:
    """A CIDR, bits below its prefix and all; near the others more often than not."""
    address = draw(addresses)
    most = address.max_prefixlen
    return f"{address}/{draw(st.one_of(st.integers(most - 9, most), st.integers(0, most)))}"


def plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def inside(address: IPv4Address | IPv6Address, cidrs: list[str]) -> bool:
    """The oracle: one network after the other, by the standard library and the canonical form of documents."""
    return any(plain(address) in ipaddress.ip_network(cidr(one)) for one in cidrs)


@given(st.lists(networks(), max_size=12), st.lists(addresses, max_size=12))
def test_a_set_is_what_ipaddress_says(cidrs: list[str], asked: list[IPv4Address | IPv6Address]) -> None:
    compiled = AddressSet.of(cidrs)
    for one in cidrs:
        network = ipaddress.ip_network(one, strict=False)
        asked += [network.network_address, network.broadcast_address]
        asked += [
            type(a)(int(a) + d) for a, d in ((asked[-2], -1), (asked[-1], 1)) if 0 <= int(a) + d < 2**a.max_prefixlen
        ]
    for address in asked:
        assert (str(address) in compiled) is inside(address, cidrs), (address, cidrs)
        if isinstance(address, IPv6Address):
            assert (address.exploded in compiled) is inside(address, cidrs)


@given(st.lists(networks(), max_size=12), st.randoms())
def test_a_set_is_one_however_it_is_written(cidrs: list[str], random: object) -> None:
    shuffled = [*cidrs, *cidrs[:3]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert AddressSet.of(shuffled) == AddressSet.of([cidr(one) for one in cidrs])
    bounds = AddressSet.of(cidrs).bounds
    assert list(bounds) == sorted(set(bounds)) and len(bounds) % 2 == 0


@given(st.one_of(st.text(max_size=20), st.text("0123456789abcdefABCDEF:.%/ ", max_size=40), addresses.map(str)))
def test_what_is_an_address_is_what_ipaddress_reads(text: str) -> None:
    try:
        known = plain(ipaddress.ip_address(text.partition("%")[0] if ":" in text else text))
    except ValueError:
        assert number(text) is None
    else:
        assert number(text) == int(known) + (1 << 32 if isinstance(known, IPv6Address) else 0)


listed = st.lists(networks(), max_size=4)


@given(st.one_of(st.none(), listed), st.one_of(st.none(), listed), listed, listed, addresses)
def test_deny_wins_over_allow(
    allow: list[str] | None, deny: list[str] | None, office: list[str], cage: list[str], address: IPv4Address
) -> None:
    lists = finish(AddressLists().follow({"office": tuple(office), "cage": tuple(cage)}))
    rule = lists.rule(None if allow is None else [*allow, "@office"], None if deny is None else ["@cage", *deny])
    may = (allow is None or inside(address, allow + office)) and not (deny is not None and inside(address, deny + cage))
    assert (rule is None or rule.admits(str(address))) is may
    assert (rule is None) is (allow is None and deny is None)
