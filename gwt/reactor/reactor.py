"""The reactor: Twisted's asyncio reactor on a uvloop loop, with uvloop's own stream transports.

Timers, threads, UDP, processes and everything that polls descriptors are Twisted's. TCP and UNIX
streams are uvloop's from the moment that they are connected.
"""

from __future__ import annotations

import signal
import socket
from asyncio import AbstractEventLoop, set_event_loop
from collections.abc import Callable
from math import ceil
from ssl import SSLContext
from typing import Any

import uvloop
from twisted.internet import process
from twisted.internet._signals import SignalHandling, _MultiSignalHandling
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.base import ReactorBase
from twisted.internet.error import UnsupportedAddressFamily
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.main import CONNECTION_LOST, installReactor
from twisted.logger import Logger
from twisted.python.failure import Failure

from gwt.reactor import tcp, tls, unix
from gwt.reactor.attach import Attacher
from gwt.reactor.stream import Stream
from gwt.reactor.turns import Turns

_log = Logger()


def log_loop_error(loop: AbstractEventLoop, context: dict[str, Any]) -> None:
    """Put into Twisted's log what uvloop has to complain about."""
    exception = context.get("exception")
    message = context.get("message", "error in the event loop")
    if exception is None:
        _log.error("{message}", message=message)
    else:
        _log.failure("{message}", Failure(exception, type(exception), exception.__traceback__), message=message)


class ChildSignals:
    """Reap child processes on SIGCHLD.

    While uvloop runs, the wake-up descriptor that Twisted would use for this is uvloop's; it runs
    Python's own handlers as soon as a signal has come, so one of those does.
    """

    def __init__(self, call: Callable[..., object]) -> None:
        self._call = call

    def install(self) -> None:
        """Begin to reap, with whatever has ended before."""
        signal.signal(signal.SIGCHLD, lambda *_: self._call(process.reapAllProcesses))
        signal.siginterrupt(signal.SIGCHLD, False)
        process.reapAllProcesses()

    def uninstall(self) -> None:
        """Stop to reap."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


class UVLoopReactor(AsyncioSelectorReactor):
    """Twisted's reactor on uvloop, where a connection costs what it costs in uvloop alone."""

    def __init__(self, loop: AbstractEventLoop | None = None) -> None:
        if loop is None:
            loop = uvloop.new_event_loop()
            set_event_loop(loop)
        if loop.get_exception_handler() is None:
            loop.set_exception_handler(log_loop_error)
        self._streams: set[Stream] = set()
        self._attacher = Attacher(loop)
        self.turns = Turns(loop)
        super().__init__(loop)

    # -- streams ---------------------------------------------------------------------------------

    def attach(self, stream: Stream) -> None:
        """Hand a stream's socket to uvloop."""
        self._streams.add(stream)
        try:
            if isinstance(stream, tls.Encrypted):
                self._attacher.secure(stream, stream.socket)
            else:
                self._attacher.attach(stream, stream.socket)
        except Exception:
            self._asyncioEventloop.call_soon(stream.connectionLost, Failure())

    def attaching(self, stream: Stream) -> bool:
        """Has uvloop got the socket, but not told the stream yet?"""
        return stream in self._attacher

    def forget(self, stream: Stream) -> None:
        """A stream has ended."""
        self._streams.discard(stream)

    def addReader(self, reader: Any) -> None:
        """`IReactorFDSet.addReader`; for a stream, let it read."""
        if isinstance(reader, Stream):
            reader.startReading()
        else:
            super().addReader(reader)

    def removeReader(self, reader: Any) -> None:
        """`IReactorFDSet.removeReader`; for a stream, stop it reading."""
        if isinstance(reader, Stream):
            reader.stopReading()
        else:
            super().removeReader(reader)

    def addWriter(self, writer: Any) -> None:
        """`IReactorFDSet.addWriter`; streams write by themselves."""
        if not isinstance(writer, Stream):
            super().addWriter(writer)

    def removeAll(self) -> list[Any]:
        """Everything that waits for input or output; the caller has to end it."""
        return [*super().removeAll(), *(stream for stream in self._streams if stream.reading or stream.writing)]

    def disconnectAll(self) -> None:
        """End every port and connection, those that wait for nothing included."""
        super().disconnectAll()
        for stream in list(self._streams):
            stream.connectionLost(Failure(CONNECTION_LOST))

    def getReaders(self) -> list[Any]:
        """Everything that waits for input."""
        return [*super().getReaders(), *(stream for stream in self._streams if stream.reading)]

    def getWriters(self) -> list[Any]:
        """Everything that has output waiting."""
        return [*super().getWriters(), *(stream for stream in self._streams if stream.writing)]

    # -- IReactorTCP, IReactorUNIX, IReactorSocket -----------------------------------------------

    def listenTCP(self, port: Any, factory: Any, backlog: int = 50, interface: str = "") -> tcp.Port:
        """`IReactorTCP.listenTCP`."""
        listening = tcp.Port(port, factory, backlog, interface, self)
        listening.startListening()
        return listening

    def connectTCP(
        self, host: Any, port: Any, factory: Any, timeout: float = 30.0, bindAddress: Any = None
    ) -> tcp.Connector:
        """`IReactorTCP.connectTCP`."""
        connector = tcp.Connector(host, port, factory, timeout, bindAddress, self)
        connector.connect()
        return connector

    def connectSecurely(
        self, host: str, port: int, factory: Any, timeout: float, context: SSLContext, server_name: str
    ) -> tls.TLSConnector:
        """`connectTCP`, and then a TLS handshake in `context` with who must be `server_name`.

        A protocol of `factory` is made when that is done; `clientConnectionFailed` hears of it if it fails.
        """
        connector = tls.TLSConnector(host, port, factory, timeout, self, context, server_name)
        connector.connect()
        return connector

    def listenUNIX(
        self, address: Any, factory: Any, backlog: int = 50, mode: int = 0o666, wantPID: int = 0
    ) -> unix.Port:
        """`IReactorUNIX.listenUNIX`."""
        listening = unix.Port(address, factory, backlog, mode, self, wantPID)
        listening.startListening()
        return listening

    def connectUNIX(self, address: Any, factory: Any, timeout: float = 30, checkPID: int = 0) -> unix.Connector:
        """`IReactorUNIX.connectUNIX`."""
        connector = unix.Connector(address, factory, timeout, self, checkPID)
        connector.connect()
        return connector

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory) -> IListeningPort:
        """`IReactorSocket.adoptStreamPort`: serve a listening socket that somebody else has made."""
        self._check_family(addressFamily)
        port: Any
        if addressFamily == socket.AF_UNIX:
            port = unix.Port._fromListeningDescriptor(self, fileDescriptor, factory)
        else:
            port = tcp.Port._fromListeningDescriptor(self, fileDescriptor, addressFamily, factory)
        port.startListening()
        return port

    def adoptSecuredPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> tls.TLSPort:
        """`adoptStreamPort` for a `gwt.secure.accept.Secured`: uvloop encrypts."""
        self._check_family(addressFamily)
        port = tls.TLSPort._fromListeningDescriptor(self, fileDescriptor, addressFamily, factory)
        port.startListening()
        return port

    def adoptStreamConnection(self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory) -> Any:
        """`IReactorSocket.adoptStreamConnection`: serve a connected socket that somebody else has made."""
        self._check_family(addressFamily)
        if addressFamily == socket.AF_UNIX:
            return unix.adopt(fileDescriptor, factory, self)
        return tcp.ServerStream.adopt(fileDescriptor, addressFamily, factory, self)

    def _check_family(self, family: int) -> None:
        if family not in self._supportedAddressFamilies:
            raise UnsupportedAddressFamily(family)

    # -- time ------------------------------------------------------------------------------------

    def _reschedule(self) -> None:
        """Wake up when the next delayed call is due, and not before: uvloop counts whole milliseconds, the nearest.

        Woken a little early, Twisted's own would ask for what is left, less than half a millisecond, and be woken at
        once: over and over, until it is time.
        """
        timeout = self.timeout()
        if timeout is not None:
            if self._timerHandle is not None:
                self._timerHandle.cancel()
            at = self._asyncioEventloop.time() + ceil(timeout * 1000) / 1000
            self._scheduledAt = at  # type: ignore[assignment]
            self._timerHandle = self._asyncioEventloop.call_at(at, self._onTimer)  # type: ignore[assignment]

    # -- signals ---------------------------------------------------------------------------------

    def _signalsFactory(self) -> SignalHandling:
        return _MultiSignalHandling((ReactorBase._signalsFactory(self), ChildSignals(self.callFromThread)))


def install(loop: AbstractEventLoop | None = None) -> None:
    """Make a `UVLoopReactor` the process's reactor."""
    installReactor(UVLoopReactor(loop))
