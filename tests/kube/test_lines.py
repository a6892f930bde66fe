from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwt.kube.lines import Lines, TooLong


@given(st.lists(st.binary(max_size=6).filter(lambda line: b"\n" not in line)), st.integers(1, 9))
def test_any_split_gives_the_same_lines(wanted: list[bytes], step: int) -> None:
    data = b"".join(line + b"\n" for line in wanted)
    lines = Lines()
    found = [line for at in range(0, len(data), step) for line in lines.feed(data[at : at + step])]
    assert found == [line for line in wanted if line.strip()]


def test_the_cap() -> None:
    lines = Lines(1024)
    assert list(lines.feed(b"x" * 1000 + b"\n")) == [b"x" * 1000]
    with pytest.raises(TooLong):
        list(lines.feed(b"x" * 1025 + b"\n"))
    lines = Lines(1024)
    with pytest.raises(TooLong):
        for _ in range(3):
            list(lines.feed(b"x" * 500))
