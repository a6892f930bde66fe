"""Entrance: the Login of a process that serves, and the user system that it asks."""

from __future__ import annotations

from typing import Any

from gwt.identities import Ask
from gwt.login import Login, login_of, nobody
from gwt.model.options import Identity
from gwt.usersystem import UserSystem


class Entrance:
    """What `identity:` of gateway.yaml needs to be alive. `reactor` as UserSystem wants it."""

    def __init__(self, reactor: Any, settings: Identity) -> None:
        self._reactor, self._settings = reactor, settings
        self._system = None
        if settings.mode == "exchange" and settings.exchange is not None:
            self._system = UserSystem(reactor, settings.exchange, settings.cookie)
        ask: Ask = nobody if self._system is None else self._system.ask  # type: ignore[assignment]
        self.login: Login = login_of(settings, ask)

    def following(self, settings: Identity) -> Entrance:
        """The Entrance for `settings`: this one, with all that it remembers, where they are the same."""
        return self if settings == self._settings else Entrance(self._reactor, settings)

    def close(self) -> None:
        """Close idle connections; what is asked now is still answered."""
        if self._system is not None:
            self._system.close()
