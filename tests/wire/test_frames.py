"""Sealed bodies: chunks make no difference, and nothing that was changed passes."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.wire.frames import HEADER, MOST, REQUEST, RESPONSE, Sealer, Undecipherable, key_id, unseal

KEY = bytes(range(32))
KEYS = {key_id(KEY): KEY}


@given(st.lists(st.binary(max_size=100), max_size=6), st.booleans())
def test_chunks_make_no_difference(chunks: list[bytes], at_once: bool) -> None:
    sealer = Sealer(KEY, REQUEST, os.urandom)
    sealed = b"".join(sealer.seal(chunk, False) for chunk in chunks[:-1])
    sealed += sealer.seal(chunks[-1] if chunks else b"", True)
    assert unseal(KEYS, REQUEST, sealed)[0] == b"".join(chunks)


FRAMES = [b"first", b"second", b"third"]


def frames() -> list[bytes]:
    """A header and frames of one message."""
    sealer = Sealer(KEY, REQUEST, os.urandom)
    return [sealer.seal(chunk, chunk is FRAMES[-1]) for chunk in FRAMES]


def refused(data: bytes, info: bytes = REQUEST) -> bool:
    try:
        unseal(KEYS, info, data)
    except Undecipherable:
        return True
    return False


@given(st.lists(st.integers(0, 2), max_size=5))
def test_frames_that_are_missing_moved_or_doubled_are_noticed(order: list[int]) -> None:
    sealed = frames()
    header, sealed[0] = sealed[0][:HEADER], sealed[0][HEADER:]
    assert refused(header + b"".join(sealed[n] for n in order)) == (order != [0, 1, 2])


@settings(max_examples=300)
@given(st.data())
def test_no_changed_bit_and_no_cut_passes(data: st.DataObject) -> None:
    whole = bytearray(b"".join(frames()))
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert refused(bytes(whole[:cut])) and refused(bytes(whole) + b"\0")
    whole[cut] ^= 1 << data.draw(st.integers(0, 7))
    assert refused(bytes(whole))


def test_frames_of_another_message_or_direction_are_noticed() -> None:
    one, other = frames(), frames()
    assert not refused(b"".join(one)) and refused(b"".join(one), RESPONSE) and refused(one[0] + other[1] + one[2])
    assert refused(one[0][:HEADER] + (1 << 31 | MOST + 1).to_bytes(4) + bytes(MOST + 17))
