"""Sealed cookies at work: who sends a request, found by one look-up where the same Cookie field was seen before."""

from __future__ import annotations

from collections.abc import Callable

from gwt.identity.claims import BadClaims, sealed_identity
from gwt.identity.cookie import SessionCookie
from gwt.identity.identity import Identity
from gwt.identity.keyring import Keyring, Refused
from gwt.identity.memory import Memory

#: What is remembered: identities by cookie and by Cookie field, and cookies that were refused. Entries, bytes.
IDENTITIES = (131_072, 96 << 20)
FIELDS = (131_072, 64 << 20)
REFUSALS = (16_384, 8 << 20)

#: Seconds for which a refusal is remembered.
REFUSED_FOR = 10.0


def weigh(identity: Identity) -> int:
    """Bytes that an Identity takes, about: its lines, and its claims as Python objects."""
    return 500 + 5 * len(identity.lines)


class Sealed:
    """Identities from sealed cookies. `clock` gives seconds since the epoch.

    Nothing that was opened is held beyond its `exp`, and a changed keyring makes another Sealed, so that a removed
    key counts at once. Refused cookies have a memory of their own: a flood of them drives out no good ones.
    """

    __slots__ = ("_by_field", "_clock", "_keyring", "_opened", "_refused", "cookie")

    def __init__(self, keyring: Keyring, cookie: SessionCookie, clock: Callable[[], float]) -> None:
        self._keyring, self.cookie, self._clock = keyring, cookie, clock
        self._by_field: Memory[Identity] = Memory(*FIELDS, lambda identity: 0)
        self._opened: Memory[Identity] = Memory(*IDENTITIES, weigh)
        self._refused: Memory[float] = Memory(*REFUSALS, lambda until: 24)

    def of(self, field: bytes | None) -> Identity | None:
        """Who a request with this Cookie field (None: it has none) comes from; None where nobody is admitted. Hot."""
        known = self._by_field.young.get(field)  # type: ignore[arg-type]
        if known is not None and self._clock() < known.until:
            return known
        return None if field is None else self._look(field)

    def _look(self, field: bytes) -> Identity | None:
        if self.cookie.name not in field:
            return None
        now = self._clock()
        known = self._by_field.get(field)
        if known is None:
            value = self.cookie.only(field)
            known = None if value is None else self._open(value, now)
            if known is None:
                return None
            self._by_field.put(field, known)
        return known if now < known.until else None

    def _open(self, value: bytes, now: float) -> Identity | None:
        known = self._opened.get(value)
        if known is not None:
            return known
        if now < (self._refused.get(value) or 0.0):
            return None
        try:
            known = sealed_identity(self._keyring.open(value), now)
        except (Refused, BadClaims):
            self._refused.put(value, now + REFUSED_FOR)
            return None
        self._opened.put(value, known)
        return known
