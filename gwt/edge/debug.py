"""Debugging: whoever shows the debug token in `Gwt-Debug` is told what a request met."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from hashlib import sha256

from gwt.model.secret import reveal


def knowing(token: str | None) -> Callable[[bytes], bool]:
    """Whether a client knows `token`; it takes as long to say no as to say yes. Without a token nobody does."""
    if not token:
        return lambda said: False
    wanted = sha256(reveal(token).encode()).digest()
    return lambda said: hmac.compare_digest(sha256(said).digest(), wanted)
