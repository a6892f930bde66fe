"""Question: a connection for one command.

Import this only once a reactor is installed: txredisapi takes the global one as it is imported.
"""

from __future__ import annotations

from typing import Any

import txredisapi
from twisted.internet.defer import Deferred


class Question(txredisapi.RedisProtocol):
    """txredisapi's protocol without a factory of its own, and with replies as bytes."""

    def __init__(self) -> None:
        super().__init__(charset=None, convertNumbers=False)

    def ask(self, *words: bytes) -> Deferred[Any]:
        """One command; fires with its reply, fails with what Redis says or with ConnectionError."""
        return self.execute_command(*words)
