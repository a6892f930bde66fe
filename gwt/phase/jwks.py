"""Jwks: the public keys of an issuer of tokens, fetched when they are needed and again when they turn (RFC 7517)."""

from __future__ import annotations

import json
from typing import Any

from joserfc.jwk import KeySet
from twisted.internet.defer import Deferred, succeed

from gwt.errors import GatewayError
from gwt.phase.tools import Tools

#: Seconds for which keys are good, for which a failure is believed, and between two questions for an unknown key.
FRESH, PATIENCE = 300.0, 10.0


class Jwks:
    """Keys at `uri`. One question is under way, however many wait; while it fails the keys that are known hold."""

    def __init__(self, tools: Tools, uri: str) -> None:
        self._tools, self._uri = tools, uri
        self._keys: KeySet | None = None
        self._until = self._again = 0.0
        self._waiting: list[Deferred[KeySet]] | None = None

    def known(self, kid: str | None) -> KeySet | None:
        """The keys, if nobody has to be asked for `kid`."""
        now = self._tools.clock()
        if self._keys is None or (now >= self._until and now >= self._again):
            return None
        here = kid is None or any(key.kid == kid for key in self._keys.keys)
        return self._keys if here or now < self._again else None

    def keys(self, kid: str | None) -> Deferred[KeySet]:
        """The keys, fetched if need be. Fails with GatewayError `identity` where there are none."""
        known = self.known(kid)
        if known is not None:
            return succeed(known)
        if self._keys is None and self._tools.clock() < self._again:
            raise _gone()
        waiting: Deferred[KeySet] = Deferred()
        if self._waiting is not None:
            self._waiting.append(waiting)
            return waiting
        self._waiting = [waiting]
        asked = self._tools.ask("GET", self._uri, [(b"Accept", b"application/json")])
        asked.addCallback(self._came).addBoth(self._told)
        return waiting

    def _came(self, answered: Any) -> None:
        if answered.status != 200:
            raise ValueError(f"it answers {answered.status}")
        told = json.loads(answered.body)["keys"]
        usable = [one for one in told if one.get("kty") in ("RSA", "EC", "OKP") and one.get("use", "sig") == "sig"]
        self._keys = KeySet.import_key_set({"keys": usable})
        self._until = self._tools.clock() + FRESH

    def _told(self, failure: Any) -> None:
        self._again = self._tools.clock() + PATIENCE
        waiting, self._waiting = self._waiting or [], None
        for one in waiting:
            if self._keys is None:
                one.errback(_gone())
            else:
                one.callback(self._keys)


def _gone() -> GatewayError:
    return GatewayError("identity", "who you are can't be told now: the keys of the issuer can't be had")
