"""Heap: keeps Python's cyclic garbage collector from stopping the event loop.

A full collection visits every container object that is alive. Documents, specs, leaves and endpoints are alive for
long and by the hundred thousand, and so is what idle clients' connections consist of: that is 50 ms and more of
standstill, again and again, for objects that hold no garbage (they die by reference count). So:

- while the first content is loaded, nothing is collected: nearly all that is made then stays;
- what has settled is frozen (`gc.freeze`): no collection looks at it again, and it still dies by reference count;
- much work at once (every document changed) is frozen as it goes on, and so is a crowd of clients as it comes;
- small changes are frozen only when they add up. A freeze takes in whatever is alive at that moment, and a cycle in it
  (a connection and its protocol, say) would never be found: rare freezes keep that bounded;
- young objects are looked at in smaller portions than Python's own thresholds make.
"""

from __future__ import annotations

import gc

#: Documents and services that have changed since the last freeze, some forty objects each: a full collection over
#: what they left takes a few milliseconds.
WORTH_IT = 500

#: Seconds of work (some 30,000 objects) within `WINDOW` seconds that are frozen at once. Small changes never come near.
MUCH, WINDOW = 0.03, 0.2

#: Connections more than there were, a dozen objects each, that are worth a freeze.
CROWD = 2_000

#: Allocations before a young collection, young ones before a middle one, middle ones before a full one.
THRESHOLDS = (150, 2, 240)


class Heap:
    """`loading()` before the first content is read, `settled(changed)` before each swap, `worked` after each slice.

    `connected` is told now and then how many connections are open.
    """

    def __init__(self) -> None:
        self._changed = self._connections = 0
        self._loading = False
        self._window, self._spent = 0.0, 0.0

    def loading(self) -> None:
        """Everything made from now on is going to stay, until the next `settled`."""
        self._loading = gc.isenabled()
        gc.disable()

    def settled(self, changed: int) -> None:
        """A Snapshot with `changed` documents and services of its own comes into force next."""
        self._changed += changed
        if self._loading or self._changed >= WORTH_IT:
            gc.freeze()
            self._changed = 0
        if self._loading:
            self._loading = False
            gc.set_threshold(*THRESHOLDS)
            gc.enable()

    def worked(self, begun: float, seconds: float) -> None:
        """A slice of work on documents began at `begun` (of any clock) and took `seconds`."""
        if begun - self._window > WINDOW:
            self._window, self._spent = begun, 0.0
        self._spent += seconds
        if self._spent >= MUCH:
            gc.freeze()
            self._spent = 0.0

    def connected(self, connections: int) -> None:
        """So many connections are open."""
        if connections < self._connections:
            self._connections = connections
        elif connections - self._connections >= CROWD:
            self._connections = connections
            if gc.isenabled():
                gc.collect(1)  # what is garbage already must not be kept
            gc.freeze()
