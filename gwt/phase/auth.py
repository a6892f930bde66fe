"""AuthPlugin: a plugin that says who a client is; and AnyOf, several of them of which one is enough.

@dataclass(frozen=True)
class Stamp(AuthPlugin):
    '''Admits who knows the stamp.'''

    name = "stamp"
    priority = 2550
    user: str

    def check(self, ctx: Exchange) -> Checked:
        if ctx.header(b"x-stamp") != b"known":
            return refusal("Stamp", "there is no stamp")
        return identity_of({"sub": self.user})
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from enum import Enum
from functools import partial
from typing import Any, Literal

from twisted.internet.defer import CancelledError, Deferred

from gwt.identity.identity import Identity
from gwt.phase.exchange import Exchange
from gwt.phase.member import as_deferred
from gwt.phase.plugin import Plugin, Said
from gwt.phase.reply import Reply
from gwt.wire.names import field


class Pass(Enum):
    """Let in without being named."""

    ADMITTED = "admitted"


ADMITTED: Literal[Pass.ADMITTED] = Pass.ADMITTED

Settled = Identity | Reply | Literal[Pass.ADMITTED]
#: Who the client is; ADMITTED; or a Reply, which is what it is told where nobody else admits it. Or any of them later.
Checked = Settled | Deferred[Settled] | Awaitable[Settled]


class AuthPlugin(Plugin):
    """Subclass me with `check`. By itself it turns away; in a list of `auth_type` any of the list may admit."""

    admits = True

    def check(self, ctx: Exchange) -> Checked:
        """Who is it?"""
        raise TypeError(f"{type(self).__name__} has no check")

    def access(self, ctx: Exchange) -> Said:
        """Let in, or answer with what `check` says."""
        return _settled(ctx, self.check(ctx))


def refusal(scheme: str, message: str) -> Reply:
    """401 `auth` with `scheme` in WWW-Authenticate. It never changes: make it once."""
    return Reply.error("auth", message, [("WWW-Authenticate", scheme)])


def _settled(ctx: Exchange, found: Any) -> Any:
    if found.__class__ is Identity:
        ctx.admit(found)
        return None
    if found.__class__ is Reply:
        return found
    if found is ADMITTED:
        return None
    later = as_deferred(found)
    if later is None:
        raise TypeError(f"check returned {type(found).__name__}: an Identity, ADMITTED or a Reply is needed")
    return later.addCallback(partial(_settled, ctx))


class AnyOf:
    """Asks `plugins` in turn until one admits; if none does, one answer for all. A failure admits nobody."""

    __slots__ = ("_checks",)

    def __init__(self, plugins: Sequence[AuthPlugin]) -> None:
        self._checks = tuple(plugin.access for plugin in plugins)

    def access(self, ctx: Exchange) -> Said:
        """None where somebody has admitted."""
        return self._on(0, ctx, [])

    def _on(self, number: int, ctx: Exchange, heard: list[Any]) -> Said:
        for index in range(number, len(self._checks)):
            try:
                said: Any = self._checks[index](ctx)
            except Exception as error:
                said = error
            if said is None:
                return None
            if isinstance(said, Deferred):
                more = (index + 1, ctx, heard)
                return said.addCallbacks(self._later, self._broke, callbackArgs=more, errbackArgs=more)
            heard.append(said)
        return _verdict(heard)

    def _later(self, said: Any, number: int, ctx: Exchange, heard: list[Any]) -> Any:
        if said is None:
            return None
        heard.append(said)
        return self._on(number, ctx, heard)

    def _broke(self, failure: Any, number: int, ctx: Exchange, heard: list[Any]) -> Any:
        return failure if failure.check(CancelledError) else self._later(failure.value, number, ctx, heard)


def _verdict(heard: Sequence[Any]) -> Reply:
    """What is said where nobody has admitted. Raises what one of them failed with: it might have admitted."""
    for said in heard:
        if isinstance(said, BaseException):
            raise said
    wanted = (field(reply.failure.fields, b"www-authenticate") for reply in heard if reply.failure is not None)
    schemes = b", ".join(dict.fromkeys(filter(None, wanted)))
    return Reply.error("auth", "nobody here admits you", [("WWW-Authenticate", schemes)] if schemes else ())
