"""Huffman-coded strings (RFC 7541 5.2, appendix B). The code is canonical: the lengths of its codes say it all.

The loop is written twice, here and in `_huffman.c`; the C module is optional and, where it was built, takes the place
of the function here.
"""

from __future__ import annotations

#: Bits of the code of each byte, and of the end-of-string symbol, which is last and must never occur.
_LENGTHS = tuple(map(int, (
    "13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28 6 10 10 12 "
    "13 6 8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10 13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 "
    "7 7 8 7 8 13 19 13 14 6 15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28 20 22 20 20 22 "
    "22 22 23 22 23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24 22 21 20 22 22 23 23 21 23 "
    "22 22 24 21 22 23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23 26 26 20 19 22 23 22 25 26 26 26 27 27 "
    "26 24 25 19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27 20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 "
    "27 26 26 27 27 27 27 27 28 27 27 27 27 27 26 30"
).split()))  # fmt: skip
_EOS = 256

Step = tuple[int, bytes]


def _codes() -> dict[tuple[int, int], int]:
    """(length, code) -> symbol."""
    code = before = 0
    found = {}
    for symbol in sorted(range(257), key=lambda symbol: (_LENGTHS[symbol], symbol)):
        code <<= _LENGTHS[symbol] - before
        before = _LENGTHS[symbol]
        found[before, code] = symbol
        code += 1
    return found


def _steps() -> tuple[list[Step], frozenset[int]]:
    """What half a byte does in each state: the next state (times 16), and what is decoded; and states to end in.

    A state is what was read of a code. State 0 is none; the last one is that of an error, which nothing leads out of.
    A string may end within a code that its padding begins: up to 7 ones.
    """
    codes = _codes()
    states: dict[tuple[int, int], int] = {(0, 0): 0}
    for length, code in codes:
        for bits in range(1, length):
            states.setdefault((bits, code >> (length - bits)), len(states))
    broken = len(states) * 16
    steps: list[Step] = []
    for state in states:
        for half in range(16):
            now, out = state, b""
            for bit in (8, 4, 2, 1):
                now = now[0] + 1, now[1] << 1 | bool(half & bit)
                symbol = codes.get(now)
                if symbol == _EOS:
                    break
                if symbol is not None:
                    now, out = (0, 0), bytes((symbol,))
            steps.append((states[now] * 16, out) if now in states else (broken, b""))
    steps.extend([(broken, b"")] * 16)
    return steps, frozenset(states[bits, (1 << bits) - 1] * 16 for bits in range(8))


_STEPS, _ENDS = _steps()


def decode_in_python(data: bytes) -> bytes:
    """The string that `data` codes. ValueError: the end-of-string symbol, or padding that is not up to 7 ones."""
    steps, state = _STEPS, 0
    out = bytearray()
    for byte in data:
        state, symbol = steps[state + (byte >> 4)]
        if symbol:
            out += symbol
        state, symbol = steps[state + (byte & 15)]
        if symbol:
            out += symbol
    if state not in _ENDS:
        raise ValueError("a string is not Huffman-coded as it says")
    return bytes(out)


try:
    from gwt.wire.h2._huffman import decode, know  # type: ignore[import-not-found,unused-ignore]

    know(bytes(_LENGTHS))
except ImportError:
    decode = decode_in_python
