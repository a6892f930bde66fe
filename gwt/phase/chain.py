"""Chain: the members that guard and change what goes to one leaf, compiled; shared by leaves that have the same ones.

A request pays for the methods of those who take part and for nothing else: no look-up, no test whether a plugin is
healthy, no object of its own unless somebody watches the answer or wants to wait. While a plugin fails, its fuse has
the lineup made anew, so that only then anything is checked at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import proxy

from gwt.errors import GatewayError
from gwt.phase.exchange import Exchange
from gwt.phase.fuse import Fuse
from gwt.phase.lineup import Lineup, Stand, ordered
from gwt.phase.member import Member, Method, as_deferred
from gwt.phase.phases import Phases
from gwt.phase.tools import Tools

#: What answers an exchange in the end: forwarding, a mounted resource, a redirect.
Render = Callable[[Exchange, Any], None]


class Chain:
    """`members` are in the order in which they run. `lineup` is what runs now."""

    __slots__ = ("__weakref__", "_fuses", "lineup", "members", "tools")

    def __init__(self, members: Sequence[Member], tools: Tools) -> None:
        self.members = tuple(ordered(members))
        self.tools = tools
        self._fuses: dict[Member, Fuse] = {}
        self.lineup = self._made()

    @property
    def idle(self) -> bool:
        """True where no member takes part in any phase: a leaf needs no such chain."""
        return not (self.lineup.steps or self.lineup.watches or self.lineup.edit)

    def run(self, render: Render, exchange: Exchange, leaf: Any) -> None:
        """Let `exchange` through rewrite and access; `render(exchange, leaf)` then answers it, unless somebody did."""
        lineup = self.lineup
        if lineup.watches or exchange.phases is not None:
            self.begin(exchange, lineup)
        said = None
        try:
            for step in lineup.steps:
                said = step(exchange)
                if said is not None:
                    break
        except Exception as error:
            index = lineup.steps.index(step)
            self.begin(exchange, lineup).resume(lineup, render, leaf).raised(index, error)
            return
        if said is not None:
            index = lineup.steps.index(step)
            self.begin(exchange, lineup).resume(lineup, render, leaf).heard(index, said)
        elif exchange.phases is None:
            exchange.edit = lineup.edit
            render(exchange, leaf)
        else:
            exchange.phases.go(render, leaf)

    def begin(self, exchange: Exchange, lineup: Lineup | None = None) -> Phases:
        """The Phases of `exchange`, which begin now unless they have begun."""
        phases: Phases | None = exchange.phases
        exchange.edit = None
        if phases is None:
            phases = exchange.phases = Phases(exchange, self, lineup or self.lineup)
        elif phases.chain is None:
            phases.chain = self
            phases.line_up(lineup or self.lineup)
        return phases

    # -- fuses

    def failed(self, member: Member) -> None:
        """`member` raised: from now on it is watched, or left alone for a while if it did so again and again."""
        fuse = self._fuses.get(member)
        if fuse is None:
            fuse = self._fuses[member] = Fuse()
        fuse.failed(self.tools.clock())
        self.renew()

    def succeeded(self, member: Member) -> None:
        """`member` works; asked only while it is watched."""
        if self._fuses.pop(member, None) is not None:
            self.renew()

    def renew(self) -> None:
        """Requests to come find every member as its fuse has it now."""
        self.lineup = self._made()

    def _made(self) -> Lineup:
        return Lineup([Stand(member, self._methods(member)) for member in self.members])

    def _methods(self, member: Member) -> dict[str, Method]:
        fuse = self._fuses.get(member)
        if fuse is None:
            return member.methods
        if fuse.blown:
            return {"rewrite": self._left_alone(member, fuse)}
        return {
            phase: self._watched(member, method) if phase != "log" else method
            for phase, method in member.methods.items()
        }

    def _watched(self, member: Member, method: Method) -> Method:
        """`method`, whose first success makes it trusted again."""

        chain = proxy(self)

        def works(said: Any) -> Any:
            chain.succeeded(member)
            return said

        def watched(*arguments: Any) -> Any:
            try:
                said = method(*arguments)
            except GatewayError:
                chain.succeeded(member)
                raise
            later = None if said is None else as_deferred(said)
            return works(said) if later is None else later.addCallback(works)

        return watched

    def _left_alone(self, member: Member, fuse: Fuse) -> Method:
        """What runs in place of a member whose fuse has blown."""

        chain = proxy(self)

        def left_alone(exchange: Exchange) -> None:
            if fuse.rested(chain.tools.clock()):
                chain.renew()  # for the requests to come: the first of them is the try
            if member.on_error == "deny":
                raise GatewayError("plugin", "a plugin is out of order")

        return left_alone

    def __repr__(self) -> str:
        return f"<Chain {' '.join(member.name for member in self.members)}>"
