"""The chunked decoder's own corners; broken codings are in the corpus, splits in the laws."""

from __future__ import annotations

from contextlib import suppress

import pytest
from timing import least

from gwt.wire.chunked import LAST, BadChunk, Decoder, encode, last


def test_what_is_written() -> None:
    assert encode(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"
    assert last([]) == LAST and last([b"A: b"]) == b"0\r\nA: b\r\n\r\n"


def test_the_rest_is_kept_apart() -> None:
    decoder = Decoder()
    assert decoder.feed(b"1\r\na\r\n0\r\nA: b\r\n\r\nGET") == b"a"
    assert (decoder.done, decoder.trailers, decoder.rest) == (True, [b"A: b"], b"GET")


def test_many_chunks_are_read_in_turns() -> None:
    decoder, read, calls = Decoder(at_once=10), b"", 0
    data = b"1\r\nx\r\n" * 95 + LAST
    while not decoder.done:
        read += decoder.feed(data)
        data, calls = b"", calls + 1
        assert decoder.behind is not decoder.done
    assert read == b"x" * 95 and calls == 10


@pytest.mark.parametrize("line", [b"1" + b" " * 900, b"1;" + b"a " * 400, b'1;a="' + b"\\a" * 400, b"1" + b";a=b" * 99])
def test_hostile_size_lines_cost_little(line: bytes) -> None:
    def read() -> None:
        for end in (b"\r\n", b"!\r\n", b'"\0'):
            with suppress(BadChunk):
                Decoder().feed(line + end)

    assert least(read) < 0.1


def test_trailers_are_refused_as_soon_as_they_are_wrong() -> None:
    decoder = Decoder()
    decoder.feed(b"0\r\nA: b\r")
    with pytest.raises(BadChunk):
        decoder.feed(b"C")
