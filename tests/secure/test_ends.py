from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import ISSLTransport
from zope.interface import implementer

from gwt.secure.ends import half_close_of


class Plain:
    ended = 0

    def loseWriteConnection(self) -> None:
        self.ended += 1


@implementer(ISSLTransport)
class Encrypted(Plain):
    """As both reactors have them: the method is there, and would end the wrong thing."""


def test_only_what_is_in_the_clear_has_an_end_of_one_side() -> None:
    plain: Any = Plain()
    half_close = half_close_of(plain)
    assert half_close is not None
    half_close()
    assert plain.ended == 1
    assert half_close_of(Encrypted()) is None and half_close_of(object()) is None
