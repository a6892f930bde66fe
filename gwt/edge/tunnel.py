"""Tunnels: WebSocket connections through the gateway, and how they are told that it goes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gwt.wire.websocket import GOING_AWAY, Way, close_frame

if TYPE_CHECKING:
    from gwt.edge.served import Listened

#: Seconds that both sides have to answer our Close, and to hang up by themselves.
PARTING = 2.0


class Tunnel:
    """What passes of one exchange once it is a WebSocket: `up` to the upstream, `down` to the client."""

    __slots__ = ("_exchange", "down", "up")

    def __init__(self, exchange: Listened) -> None:
        self._exchange = exchange
        self.up, self.down = Way(), Way()

    @property
    def open(self) -> bool:
        """Whether there is anybody left to tell anything."""
        return not self._exchange.gone and not self._exchange.answered

    def sent(self, data: bytes) -> None:
        """The client has sent `data`."""
        data, reader = self.up.passed(data), self._exchange.reader
        if data and reader is not None:
            reader.body(data)

    def leave(self, mask: bytes) -> None:
        """Tell both sides that the gateway is going, each as soon as the frame that it is being sent is complete."""
        exchange = self._exchange
        if not self.open:
            return
        said = self.up.end(close_frame(GOING_AWAY, mask))
        if said and exchange.reader is not None:
            exchange.reader.body(said)
        said = self.down.end(close_frame(GOING_AWAY))
        if said and self.open:
            exchange.write(said)

    def end(self) -> None:
        """There was time enough."""
        exchange = self._exchange
        if self.open:
            reader, exchange.reader = exchange.reader, None
            if reader is not None:
                reader.client_gone()
            exchange.write_end([])


class Farewell:
    """Tunnels that leave one after the other, so that their clients do not all come back at once.

    They are told evenly over `seconds` from `now` on (monotonic), and ended `PARTING` later. `random(n)` gives n bytes.
    """

    def __init__(self, tunnels: Sequence[Tunnel], now: float, seconds: float, random: Callable[[int], bytes]) -> None:
        step = seconds / max(1, len(tunnels))
        self._random = random
        self._waiting = deque((now + step * index, tunnel) for index, tunnel in enumerate(tunnels))
        self._told: deque[tuple[float, Tunnel]] = deque()

    @property
    def over(self) -> bool:
        """Whether all have been told and ended."""
        return not self._waiting and not self._told

    def join(self, tunnel: Tunnel, now: float) -> None:
        """One that was opened since."""
        self._waiting.appendleft((now, tunnel))

    def tick(self, now: float) -> None:
        """Tell those whose turn it is, and end those that have had their time."""
        waiting, told = self._waiting, self._told
        while waiting and waiting[0][0] <= now:
            tunnel = waiting.popleft()[1]
            tunnel.leave(self._random(4))
            told.append((now + PARTING, tunnel))
        while told and told[0][0] <= now:
            told.popleft()[1].end()
