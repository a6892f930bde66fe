"""Keeper: writes the copy of a shared store to disk now and then, and at the end; reads it where a start needs it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from gwt.store.copy import Copy, read_copy, write_copy
from gwt.store.file import InThread

#: Seconds after a change until the copy is written, so that many make one.
AFTER = 5.0


class Keeper:
    """The copy at `path` of the store called `name`; `now` makes one of what is in force (None: nothing is yet)."""

    log = Logger("gwt.store")

    def __init__(self, path: str, name: str, clock: Any, in_thread: InThread, now: Callable[[], Copy | None]) -> None:
        self.path, self._name, self._clock, self._in_thread, self._now = path, name, clock, in_thread, now
        self._timer: Any = None
        self._writing: Deferred[None] | None = None

    def read(self) -> Deferred[Copy]:
        """Fails with CopyError."""
        return self._in_thread(read_copy, self.path, self._name)

    def changed(self) -> None:
        """Something is another than when it was written."""
        if self._timer is None:
            self._timer = self._clock.callLater(AFTER, self._write)

    def end(self) -> Deferred[None]:
        """Write what has changed, at once: nobody is served any more who could be kept waiting. Fires when all is
        written, what a thread was at before this among it: it would put the older copy in the place of this one.
        """
        written = self._writing or succeed(None)
        if self._timer is None:
            return written
        self._timer.cancel()
        self._timer = None
        return written.addCallback(self._write_last, self._now())

    def _write_last(self, _: None, copy: Copy | None) -> None:
        with suppress(OSError):
            if copy is not None:
                write_copy(self.path, self._name, copy, rest=0.0)

    def _write(self) -> None:
        self._timer = None
        if self._writing is not None:  # one at a time: the older must not end last
            self.changed()
            return
        copy = self._now()
        if copy is not None:
            self._writing = self._in_thread(write_copy, self.path, self._name, copy)
            self._writing.addErrback(self._not_written).addCallback(self._written)

    def _written(self, _: None) -> None:
        self._writing = None

    def _not_written(self, failure: Failure) -> None:
        why = failure.value.strerror if isinstance(failure.value, OSError) else failure.getErrorMessage()
        self.log.warn(
            "the store can't be copied to {path} ({why}): without it this gateway can't start while the store is down",
            path=os.path.abspath(self.path), why=why,
        )  # fmt: skip
