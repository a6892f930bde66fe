"""Login: what `auth_type: login` and `optional` come to here: who is let in, who is turned away, and how."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from gwt.errors import GatewayError
from gwt.identities import Ask, Identities, identities_of
from gwt.identity.challenge import Challenge
from gwt.identity.identity import Identity
from gwt.model.options import Identity as IdentitySettings
from gwt.model.secret import reveal
from gwt.phase.exchange import Exchange
from gwt.phase.member import Member
from gwt.phase.reply import Reply
from gwt.wire.names import field

#: In the order of the chain: between address lists and whatever asks who the user is. The cookie is taken out last,
#: as plugins may still ask for it.
PRIORITY = 2500
LAST = -(2**32)


class Login:
    """`identity:` of gateway.yaml at work. Another `identity:` makes another one; all leaves share its members.

    `members` are by `auth_type`; `strip` takes the session cookie out of what is forwarded (None: it stays).
    """

    __slots__ = ("_challenge", "_identities", "_refusal", "members", "strip")

    def __init__(self, identities: Identities, challenge: Challenge, strip_cookie: bool = False) -> None:
        self._identities, self._challenge = identities, challenge
        refusal = GatewayError("login", "you are not logged in", fields=challenge.lines)
        self._refusal = Reply.of(refusal)
        self.members = {
            "login": Member("login", PRIORITY, {"access": Visitor(identities, self._turn_away).access}),
            "optional": Member("optional", PRIORITY, {"access": Visitor(identities, let_pass).access}),
        }
        self.strip = Member("strip_cookie", LAST, {"access": self._strip}) if strip_cookie else None

    def _turn_away(self, ctx: Exchange) -> Reply:
        """The answer to somebody who is not known."""
        head = ctx.head
        scheme = field(ctx.forwarded_lines, b"x-forwarded-proto") or b"http"
        authority = ctx.forwarded_host or head.authority or head.host or ctx.host
        where = self._challenge.location(head.header(b"accept"), scheme, authority, ctx.path, head.query)
        if where is None or ctx.wants_grpc:
            return self._refusal
        return Reply(302, b"", [("Location", where), ("Cache-Control", "no-store")], "login")

    def _strip(self, ctx: Exchange) -> None:
        head = ctx.head
        if head.cookie is not None:
            head.fields = self._identities.cookie.without(head.fields)


class Visitor:
    """Lets in who is known; what `unknown` says happens to all others. Waits only where the user system is asked."""

    __slots__ = ("_of", "_unknown")

    def __init__(self, identities: Identities, unknown: Any) -> None:
        self._of, self._unknown = identities.of, unknown

    def access(self, ctx: Exchange) -> Any:
        """Hot where the cookie was seen before."""
        found = self._of(ctx.head.cookie)
        if found.__class__ is Identity:
            ctx.admit(found)
            return None
        if found is None:
            return self._unknown(ctx)
        return found.addCallback(self._heard, ctx)  # type: ignore[union-attr]

    def _heard(self, found: Identity | None, ctx: Exchange) -> Reply | None:
        if found is None:
            said: Reply | None = self._unknown(ctx)
            return said
        ctx.admit(found)
        return None


def let_pass(ctx: Exchange) -> None:
    """Nobody in particular is welcome, too."""


def login_of(settings: IdentitySettings, ask: Ask) -> Login:
    """What `identity:` of gateway.yaml comes to; `ask` asks the user system where there is one."""
    url = None if settings.login_url is None else reveal(settings.login_url)
    return Login(identities_of(settings, ask), Challenge(url, settings.cookie), settings.strip_cookie)


def nobody(cookie: bytes) -> Deferred[Any]:
    """Asks no user system: for tools, which look at documents and serve nobody."""
    return Deferred()
