"""The debug token."""

from __future__ import annotations

import pytest

from gwt.edge.debug import knowing
from gwt.model.secret import Secret


@pytest.mark.parametrize("said", [b"", b"letme", b"letmein ", b"LETMEIN", b"letmein\xff"])
def test_only_the_token_itself_will_do(said: bytes) -> None:
    assert not knowing("letmein")(said)
    assert knowing("letmein")(b"letmein") and knowing(Secret("letmein"))(b"letmein")


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_nobody_knows_it(token: str | None) -> None:
    assert not knowing(token)(b"") and not knowing(token)(b"None")
