from __future__ import annotations

from collections import Counter

import pytest

from gwt.balance.endpoint import Endpoint, EndpointState
from gwt.balance.hashing import REMEMBERED, Sticky, draw, seed
from gwt.balance.pick import round_robin
from gwt.model.route import EndpointSpec

KEYS = [b"user-%d" % number for number in range(6000)]


def sticky(*weights: int) -> Sticky:
    specs = [EndpointSpec(f"10.0.0.{number}:80", weight=weight) for number, weight in enumerate(weights) if weight]
    endpoints = [Endpoint(spec, EndpointState()) for spec in specs]
    return Sticky(endpoints, round_robin(endpoints, {}, lambda: 0.0))


def homes(picker: Sticky) -> dict[bytes, str]:
    picked = {key: picker.pick(key) for key in KEYS}
    return {key: endpoint.address for key, endpoint in picked.items() if endpoint}


def test_the_same_key_stays() -> None:
    picker = sticky(1, 1, 1)
    assert homes(picker) == homes(picker) == homes(sticky(1, 1, 1))


def test_all_releases_and_processes_agree() -> None:
    # Written down: a change of these would move every user of every gateway at once.
    assert seed("10.0.0.1:80") == 16325383489354085300
    assert draw(12345, seed("10.0.0.1:80")) == 2931045323888375811


@pytest.mark.parametrize("weights", [(1, 1, 1, 1), (1, 2, 3), (8, 1, 1), (5, 5)])
def test_keys_are_shared_by_weight(weights: tuple[int, ...]) -> None:
    counts = Counter(homes(sticky(*weights)).values())
    for number, weight in enumerate(weights):
        expected = len(KEYS) * weight / sum(weights)
        assert counts[f"10.0.0.{number}:80"] == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize(
    ("before", "after"),
    [((1, 1, 1), (1, 1)), ((1, 1), (1, 1, 1)), ((1, 1, 1), (3, 1, 1)), ((2, 3, 1), (0, 3, 1)), ((2, 1, 1), (1, 1, 1))],
)
def test_a_change_moves_only_its_own_keys(before: tuple[int, ...], after: tuple[int, ...]) -> None:
    width = max(len(before), len(after))
    old = before + (0,) * (width - len(before))
    new = after + (0,) * (width - len(after))
    changed = {f"10.0.0.{number}:80" for number in range(width) if old[number] != new[number]}
    was, now = homes(sticky(*old)), homes(sticky(*new))
    for key in KEYS:
        assert was[key] == now[key] or was[key] in changed or now[key] in changed


def test_who_was_tried_gives_way_to_one_and_the_same_other() -> None:
    picker = sticky(1, 1, 1, 1)
    for key in KEYS[:50]:
        home = picker.pick(key)
        assert home is not None
        other = picker.pick(key, (home,))
        assert other not in (None, home)
        assert picker.pick(key, (home,)) is other
        assert picker.pick(key) is home


def test_all_tried_or_nobody() -> None:
    picker = sticky(1)
    assert picker.pick(b"a", [endpoint for _, endpoint in picker._seeded]) is None
    assert sticky().pick(b"a") is None
    assert sticky().pick(None) is None


def test_without_a_key_they_take_turns() -> None:
    picker = sticky(1, 1, 1)
    assert len({picker.pick(None) for _ in range(3)}) == 3


def test_what_is_remembered_is_bounded() -> None:
    picker = sticky(1, 1)
    for number in range(REMEMBERED + 10):
        picker.pick(b"%d" % number)
    assert len(picker._chosen) <= REMEMBERED
