"""Heap: keeps Python's cyclic garbage collector from stopping the event loop.

A full collection visits every container object that is alive. Documents, specs, leaves and endpoints are alive for
long and by the hundred thousand: that is 50 ms and more of standstill, again and again, for objects that hold no
garbage (they die by reference count). So:

- while the first content is loaded, nothing is collected: nearly all that is made then stays;
- what has settled is frozen (`gc.freeze`): no collection looks at it again, and it still dies by reference count;
- later changes are frozen in their turn only when they add up. A freeze takes in whatever is alive at that moment, and
  a cycle in it (a connection and its protocol, say) would never be found: rare freezes keep that bounded.
"""

from __future__ import annotations

import gc

#: Documents and services that have changed since the last freeze, some ten objects each: a full collection over
#: what they left takes single milliseconds.
WORTH_IT = 2000


class Heap:
    """`loading()` before the first content is read, `settled(changed)` after each swap."""

    def __init__(self) -> None:
        self._changed = 0
        self._loading = False

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
            gc.enable()
