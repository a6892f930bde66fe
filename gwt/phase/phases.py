"""Phases: the chain of one exchange where it runs: what plugins keep there, what they wait for, and how it ends.

An exchange gets one only where it is needed: somebody watches the answer, wants to wait, or keeps something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from gwt.errors import GatewayError
from gwt.phase.exchange import Exchange
from gwt.phase.held import Held
from gwt.phase.lineup import Lineup
from gwt.phase.member import Member, Method, as_deferred
from gwt.phase.outgoing import Outgoing
from gwt.phase.reply import Reply
from gwt.phase.unwinding import Unwinding, out_of_order

if TYPE_CHECKING:
    from gwt.phase.chain import Chain, Render


class Phases(Unwinding):
    """`chain` as it stands in `lineup`, for one exchange. What is not set yet is the class's.

    `_thinking` is what step `_index` waits for; `_stopped` the step that was the last.
    """

    chain: Chain | None = None
    lineup: Lineup | None = None
    _held: Held | None = None
    _outgoing: Outgoing | None = None
    _notes: dict[str, Any] | None = None
    _thinking: Deferred[Any] | None = None
    _index = 0
    _stopped: int | None = None
    _logs: tuple[tuple[Method, Member], ...] = ()
    _slot: dict[Any, None] | None = None
    _due = 0.0
    _leaf: Any
    _render: Render

    def __init__(
        self, exchange: Exchange, chain: Chain | None = None, lineup: Lineup | None = None, debug: bool = False
    ) -> None:
        self.exchange = exchange
        if debug:
            self.debug, self.passing = True, False
        if lineup is not None:
            self.chain = chain
            self.line_up(lineup)

    def line_up(self, lineup: Lineup) -> None:
        """What runs, and may be another than at the beginning where a fuse has blown meanwhile."""
        back = lineup.back
        self.lineup, self.back, self._logs = lineup, back, back.logs
        if back.filters:
            self.passing = False

    # -- for plugins, by way of the exchange

    @property
    def notes(self) -> dict[str, Any]:
        """What plugins keep during one exchange, by their names."""
        if self._notes is None:
            self._notes = {}
        return self._notes

    @property
    def outgoing(self) -> Outgoing:
        """The request that goes upstream."""
        if self._outgoing is None:
            self._outgoing = Outgoing(self.exchange)
        return self._outgoing

    def hold(self) -> Held:
        """The request's body, held back. RuntimeError once the request is on its way."""
        if self._held is None:
            if self.exchange.reader is not None or self.exchange.answering:
                raise RuntimeError("the request is on its way: its body can be had in rewrite and access only")
            self._held = Held(self.exchange, self.exchange.leaf.max_body, self._left)
        return self._held

    # -- the way in, once somebody has something to say

    def resume(self, lineup: Lineup, render: Render, leaf: Any) -> Phases:
        """`render(exchange, leaf)` answers once the steps of `lineup` are through."""
        if lineup is not self.lineup:
            self.line_up(lineup)
        self._render, self._leaf = render, leaf
        return self

    def proceed(self, index: int) -> None:
        """Call the steps from `index` on."""
        assert self.lineup is not None
        steps = self.lineup.steps
        while index < len(steps):
            try:
                said = steps[index](self.exchange)
            except Exception as error:
                self.raised(index, error)
                return
            if said is not None:
                self.heard(index, said)
                return
            index += 1
        self.go(self._render, self._leaf)

    def heard(self, index: int, said: Any) -> None:
        """Step `index` said something: a Reply, or that it takes time."""
        if isinstance(said, Reply):
            self._stop(index, True)
            self.reply(said)
            return
        later = as_deferred(said)
        if later is None:
            self.raised(index, TypeError(f"a phase method returned {type(said).__name__}, which is no Reply"))
            return
        self._index, self._thinking = index, later
        self.hold()
        self.watch()
        later.addCallbacks(self._fired, self._broke, callbackArgs=(later,), errbackArgs=(later,))

    def raised(self, index: int, error: BaseException) -> None:
        """Step `index` failed, or told an error of the gateway's."""
        assert self.lineup is not None
        if isinstance(error, GatewayError):
            self._stop(index, True)
            self.exchange.fail(error)
            return
        self._stop(index, False)
        self.report(self.lineup.member(index), error)
        self.exchange.fail(out_of_order())

    def _fired(self, said: Any, later: Any) -> None:
        if self._thinking is not later:
            return
        self._thinking = None
        self.unwatch()
        try:
            if said is None:
                self.proceed(self._index + 1)
            else:
                self.heard(self._index, said)
        except Exception as error:  # nobody stands above to whom this could be left
            self._broken(error)

    def _broke(self, failure: Any, later: Any) -> None:
        if self._thinking is later:
            self._thinking = None
            self.unwatch()
            self.raised(self._index, failure.value)

    def _broken(self, error: Exception) -> None:
        assert self.chain is not None
        self.chain.tools.raised("", self.exchange.request_id.decode("ascii"), error)
        self.abandon()
        self.exchange.fail(GatewayError("internal", "the gateway failed to handle the request"))

    def _stop(self, index: int, inclusive: bool) -> None:
        """Step `index` is the last: only those who ran see the answer."""
        assert self.lineup is not None
        self._stopped = index
        self.back = self.lineup.stopped(index, inclusive)
        self._logs = self.back.logs
        self._held = self.exchange.reader = None

    def go(self, render: Render, leaf: Any) -> None:
        """All steps are through: answer."""
        if self._outgoing is not None:
            leaf = self._outgoing.aimed(leaf)
        held, self._held = self._held, None
        if held is None:
            render(self.exchange, leaf)
        else:
            held.release(render, leaf)

    # -- time and the end

    def watch(self) -> None:
        """From now on the head of the answer must not take longer than the path's timeout says."""
        assert self.chain is not None
        tools, leaf = self.chain.tools, self.exchange.leaf
        begun = tools.clock() if self.answer is not None else self.exchange.started
        self._due = begun + leaf.first_byte
        if self._slot is None:
            self._slot = tools.ticker.join(self)

    def unwatch(self) -> None:
        slot, self._slot = self._slot, None
        if slot is not None:
            slot.pop(self, None)

    def tick(self, now: float) -> None:
        """Whoever thinks must come to an end."""
        if now <= self._due:
            return
        error = GatewayError("timeout", "a plugin took too long")
        if self._thinking is not None:
            self._stop(self._index, True)
            self._cancel()
        self.unwatch()
        self.abandon()
        self.exchange.fail(error)

    def _left(self) -> None:
        """The client has gone while somebody was thinking."""
        if self._thinking is not None:
            self._stop(self._index, True)
        self._cancel()

    def _cancel(self) -> None:
        """Nobody waits any more."""
        self.unwatch()
        thinking, self._thinking = self._thinking, None
        waiting, self._waiting = self._waiting, None
        for later in (thinking, waiting):
            if later is not None:
                later.cancel()

    def end(self) -> None:
        """The exchange is over: log, and let go."""
        if self._thinking is not None or self._waiting is not None:
            self._cancel()
        if self._outgoing is not None:
            self._outgoing.over()
        if self._logs:
            self._log()
        else:
            self.exchange.phases = None

    def _log(self) -> None:
        going_on: set[Deferred[Any]] = set()
        for method, member in self._logs:
            try:
                said = method(self.exchange)
                later = None if said is None else as_deferred(said)
            except Exception as error:
                self._log_failed(member, error)
                continue
            if later is not None:
                going_on.add(later)
                later.addErrback(self._log_broke, member)
                later.addBoth(lambda _, later: self._logged(going_on, later), later)
        self._logged(going_on, None)

    def _logged(self, going_on: set[Deferred[Any]], later: Deferred[Any] | None) -> None:
        """Nothing refers to the exchange any more once the last is done."""
        if later is not None:
            going_on.discard(later)
        if not going_on:
            self.exchange.phases = None

    def report(self, member: Member, error: BaseException) -> None:
        """For the log, and for the member's fuse."""
        assert self.chain is not None
        self.chain.tools.raised(member.name, self.exchange.request_id.decode("ascii"), error)
        self.chain.failed(member)

    def _log_broke(self, failure: Any, member: Member) -> None:
        self._log_failed(member, failure.value)

    def _log_failed(self, member: Member, error: BaseException) -> None:
        """What only logs keeps nobody from being served."""
        assert self.chain is not None
        self.chain.tools.raised(member.name, self.exchange.request_id.decode("ascii"), error)

    def told(self) -> bytes:
        """Gwt-Plugins and Gwt-Route, for whoever has shown the debug token."""
        leaf = self.exchange.leaf
        ran = [] if self.lineup is None else self.lineup.labels(self._stopped, self.back)
        where = "-" if leaf is None else f"{leaf.route}/{leaf.service}/{leaf.path}"
        return b"Gwt-Plugins: %b\r\nGwt-Route: %b\r\n" % (", ".join(ran).encode(), _visible(where))


def _visible(text: str) -> bytes:
    """A name for a header: one line of ASCII."""
    return text.encode("ascii", "backslashreplace").translate(None, bytes(range(32)) + b"\x7f")
