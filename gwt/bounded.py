"""Bounded: whoever answers an exchange, an upstream or a mounted resource, within the times that its leaf allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gwt.errors import GatewayError
from gwt.leaf import Leaf
from gwt.phase.exchange import Exchange
from gwt.phase.ticker import Ticking

if TYPE_CHECKING:
    from gwt.proxy import Proxy


class Bounded:
    """`first_byte` seconds until the answer begins, then `read` from byte to byte, `total` for all of it.

    `_due` is the next deadline on the monotonic clock, and holds while the client is not the slow one (`_paused`).
    `_started`: the answer has begun; `_tunnel`: it is none but a tunnel, for which `total` does not hold. `_slot` is
    the ticker's for as long as the exchange is under way, None before and after. Whoever extends it sets all of it.
    """

    __slots__ = ("_due", "_exchange", "_leaf", "_paused", "_proxy", "_slot", "_started", "_tunnel")

    _due: float
    _exchange: Exchange
    _leaf: Leaf
    _paused: bool
    _proxy: Proxy
    _slot: dict[Ticking, None] | None
    _started: bool
    _tunnel: bool

    #: Who answers, for people.
    who = "the upstream"

    def _expire(self, error: GatewayError) -> None:
        """Let go of everything, and tell the client."""
        raise TypeError(type(self))

    def _waits_for_client(self) -> bool:
        """Whether whoever answers waits, as we do, for the rest of the request."""
        raise TypeError(type(self))

    def _part(self) -> bool:
        """The exchange is over on this side: no deadline holds any more. False where that was known."""
        slot, self._slot = self._slot, None
        if slot is None:
            return False
        del slot[self]
        return True

    def _fed(self) -> None:
        """The client has done its part only now, so that the answer may come later."""
        self._due = max(self._due, self._proxy.clock() + self._leaf.first_byte)

    def _heard(self) -> None:
        """Something came that is not to be the last for longer than `read`."""
        self._due = self._proxy.clock() + self._leaf.read

    def pause_answer(self) -> None:
        """The client does not keep up."""
        self._paused = True

    def resume_answer(self) -> None:
        """The client takes more."""
        self._paused = False
        if self._started:
            self._heard()
        else:
            self._fed()

    def tick(self, now: float) -> None:
        """See whether a deadline is over."""
        leaf = self._leaf
        if leaf.total is not None and not self._tunnel and now - self._exchange.started > leaf.total:
            self._expired("the whole exchange took too long")
        elif now > self._due and not self._paused:
            if self._waits_for_client():
                self._due = now + leaf.first_byte
            elif self._started:
                self._expired(f"{self.who} sent nothing for too long")
            else:
                self._expired(f"{self.who} did not answer in time")

    def _expired(self, message: str) -> None:
        detail = "connection_read_timeout" if self._started else None
        if self._started and not self._tunnel:
            self._exchange.code = "upstream_cut"
        self._expire(GatewayError("timeout", message, detail=detail))

    def _too_large(self) -> GatewayError:
        return GatewayError("too_large", f"the request's body is larger than {self._leaf.max_body} bytes")
