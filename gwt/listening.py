"""What one process serves: endpoints by role, each with its port; a reload opens and closes the difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, gatherResults, inlineCallbacks
from twisted.internet.task import deferLater

from gwt.sockets import Before, Binder, Key, Secure, Source, in_the_clear, listen

#: Role -> endpoint strings: the `listeners` of gateway.yaml.
Wanted = Mapping[str, Sequence[str]]

#: Seconds for which whoever has connected to a listener that was then left is still answered.
LINGER = 0.25


class Listening:
    """The open listeners of a process. `source` has their sockets, `secure` puts factories behind TLS, `before` reads
    the PROXY protocol.
    """

    def __init__(
        self, reactor: Any, source: Source, secure: Secure = in_the_clear, before: Before | None = None
    ) -> None:
        self._reactor, self._source, self._secure, self._before = reactor, source, secure, before
        self._open: dict[tuple[str, str], tuple[Any, list[Key]]] = {}

    def serve(self, role: str, texts: Iterable[str], factory: Any) -> None:
        """Accept on every endpoint of `role` that is not open yet. BindError; what was opened before it stays open."""
        for text in texts:
            if (role, text) not in self._open:
                opened = listen(self._reactor, self._source, role, text, factory, self._secure, self._before)
                self._open[role, text] = opened

    def change(self, wanted: Wanted, factories: Mapping[str, Any], drain: float = 0.0) -> Deferred[None]:
        """Make `wanted` what is served. What is new is opened first; BindError leaves everything as it was.

        A connection outlives its listener, but no WebSocket does: those are told to go, within `drain` seconds.
        """
        before = dict(self._open)
        try:
            for role, texts in wanted.items():
                self.serve(role, texts, factories[role])
        except Exception:
            self._close([key for key in self._open if key not in before])
            raise
        gone = [(role, text) for role, text in self._open if text not in wanted.get(role, ())]
        stays = [(role, address) for role, text, address in self.hosts() if (role, text) not in gone]
        for role, text, address in self.hosts():
            leave = getattr(factories[role], "leave_tunnels", None)
            if leave is not None and (role, text) in gone and (role, address) not in stays:
                leave(drain, address)
        return self._close(gone)

    def stop(self, roles: Iterable[str]) -> Deferred[None]:
        """Accept no more on the endpoints of `roles`; their sockets are closed."""
        roles = set(roles)
        return self._close([key for key in self._open if key[0] in roles])

    @inlineCallbacks
    def leave(self, role: str) -> Any:
        """Accept no more for `role`; fires when whoever has connected before that has had time to be answered."""
        yield self.stop([role])
        yield deferLater(self._reactor, LINGER)

    def _close(self, which: Iterable[tuple[str, str]]) -> Deferred[None]:
        ports = [self._open.pop(key)[0] for key in which]
        done = gatherResults([port.stopListening() for port in ports], consumeErrors=True)
        if isinstance(self._source, Binder):
            self._source.keep(key for _, keys in self._open.values() for key in keys)
        return done.addCallback(lambda _: None)

    def hosts(self) -> list[tuple[str, str, Any]]:
        """(role, endpoint string, address) of every open listener, in the order of opening."""
        return [(role, text, port.getHost()) for (role, text), (port, _) in self._open.items()]
