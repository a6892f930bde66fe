"""Listening sockets apart from those who serve them: bound once, adopted by a reactor, handed on to workers.

An endpoint string ("tcp:9080", "haproxy:tcp:9080", "ssl:443:...", "unix:/run/gwt.sock", "systemd:...") is opened
against a `BoundReactor`, which takes the place of the reactor: where the endpoint would bind, it gets a socket from
a source and has the real reactor adopt it. The source binds (`Binder`) or has inherited (`Inherited`). So one piece
of code serves a single process, a supervisor that binds for its workers, and a reload that keeps what is unchanged.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import stat
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet import unix
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IReactorSocket, IReactorTCP, IReactorUNIX
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from gwt.keychains import own_certificate
from gwt.secure.accept import Secured, Wrapped
from gwt.secure.endpoint import TlsEndpoint, read_tls_endpoint

#: ("tcp", interface, port, role) or ("unix", path, 0, ""): what makes two sockets the same. The role counts for port 0.
Key = tuple[str, str, int, str]

#: Twisted's default backlog stands for "not said"; a gateway wants what the system allows.
UNSAID_BACKLOG, BACKLOG = 50, 4096

REASONS = {
    errno.EADDRINUSE: "the address is in use by another process",
    errno.EACCES: "permission denied (a port below 1024 takes root or CAP_NET_BIND_SERVICE)",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.ENOENT: "no such directory",
    errno.ENOTDIR: "no such directory",
}


#: Puts what reads the PROXY protocol before a factory.
Before = Callable[[Any], Any]
#: The prefix of an endpoint string that asks for it. (Twisted's own of that name believes everybody.)
PROXIED = "haproxy:"

#: Puts a factory behind TLS, as an endpoint says.
Secure = Callable[[TlsEndpoint, Any], Any]


def in_the_clear(endpoint: TlsEndpoint, factory: Any) -> Any:
    """For those who only bind: a certificate of the endpoint's own must be there. ValueError where it is not."""
    if endpoint.cert is not None:
        own_certificate(endpoint)
    return factory


class BindError(Exception):
    """A listener that can't be opened; its text is one line for people."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A socket that an endpoint asks for. `where` is an interface or a path."""

    kind: str
    where: str
    port: int = 0
    backlog: int = BACKLOG
    mode: int = 0o666
    role: str = ""

    @property
    def key(self) -> Key:
        return (self.kind, self.where, self.port, self.role if self.kind == "tcp" and not self.port else "")

    def __str__(self) -> str:
        if self.kind == "unix":
            return self.where
        return f"[{self.where}]:{self.port}" if ":" in self.where else f"{self.where or '*'}:{self.port}"


class Source(Protocol):
    """Who has the sockets."""

    def sockets(self, wanted: Wanted) -> Sequence[socket.socket]:
        """The listening sockets for `wanted`; BindError if there are none."""


class Binder:
    """Binds what is asked for and keeps it: asked again for the same, it gives the same sockets.

    With `shares` > 1 a TCP address gets that many sockets with SO_REUSEPORT, over which the kernel spreads
    connections: each keeps its own queue, which waits while the process that serves it is replaced. UNIX sockets,
    and the addresses of roles in `single`, exist once.
    """

    def __init__(self, shares: int = 1, single: Iterable[str] = ()) -> None:
        self.shares, self.single = shares, frozenset(single)
        self.held: dict[Key, list[socket.socket]] = {}

    def sockets(self, wanted: Wanted) -> Sequence[socket.socket]:
        try:
            if wanted.key not in self.held:
                self.held[wanted.key] = [self._tcp(wanted) if wanted.kind == "tcp" else _bind_unix(wanted)]
            if wanted.kind == "tcp" and wanted.role not in self.single:
                self._share(wanted, self.held[wanted.key])
        except OSError as error:
            reason = REASONS.get(error.errno or 0) or error.strerror or str(error)
            raise BindError(f"cannot listen on {wanted}: {reason}") from error
        return self.held[wanted.key]

    def _tcp(self, wanted: Wanted) -> socket.socket:
        shared = self.shares > 1 and wanted.role not in self.single
        if shared and wanted.port:
            # Prove that nobody else listens there: SO_REUSEPORT alone would share with a stranger. A port that the
            # system chooses is nobody's, and stays so as long as it isn't let go.
            _bind_tcp(wanted, wanted.port, reuse_port=False).close()
        first = _bind_tcp(wanted, wanted.port, reuse_port=shared)
        first.listen(wanted.backlog)
        return first

    def _share(self, wanted: Wanted, bound: list[socket.socket]) -> None:
        """As many sockets as there are shares, never fewer than before: each may have a queue."""
        if len(bound) >= self.shares:
            return
        port = bound[0].getsockname()[1]
        while len(bound) < self.shares:
            bound.append(_bind_tcp(wanted, port, reuse_port=True))
            bound[-1].listen(wanted.backlog)
        spread(bound)

    def keep(self, keys: Iterable[Key]) -> None:
        """Close every socket but those of `keys`."""
        for key in set(self.held) - set(keys):
            for sock in self.held.pop(key):
                sock.close()
            if key[0] == "unix":
                _unlink(key[1])


class Inherited:
    """Sockets that another process has bound, by key."""

    def __init__(self, held: Mapping[Key, Sequence[socket.socket]]) -> None:
        self.held = held

    def sockets(self, wanted: Wanted) -> Sequence[socket.socket]:
        found = self.held.get(wanted.key)
        if not found:
            raise BindError(f"cannot listen on {wanted}: the supervisor has handed on no such socket")
        return found


def _bind_tcp(wanted: Wanted, port: int, reuse_port: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in wanted.where else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((wanted.where, port))
        return sock
    except BaseException:
        sock.close()
        raise


#: setsockopt's SO_ATTACH_REUSEPORT_CBPF, where network headers begin in a filter's loads (SKF_NET_OFF), and where the
#: source port stands behind them.
_ATTACH, _NET, _SOURCE_PORT = 51, 0xFFF00000, {socket.AF_INET: 20, socket.AF_INET6: 40}


def spread(bound: Sequence[socket.socket]) -> bool:
    """Have the kernel choose among sockets of one SO_REUSEPORT group by blocks of 32 client ports.

    By default it draws lots by a hash, and 64 connections of one client then fall 22 to 42 every so often. Clients
    take their ports in ascending order with small gaps: blocks deal them out far more evenly (27 to 37). False where
    the system can't (the hash then decides).
    """
    program = [
        (0x28, 0, 0, _NET + _SOURCE_PORT[bound[0].family]),  # A = the client's port
        (0x74, 0, 0, 5),  # A >>= 5
        (0x94, 0, 0, len(bound)),  # A %= number of sockets
        (0x16, 0, 0, 0),  # return A
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    try:
        bound[0].setsockopt(socket.SOL_SOCKET, _ATTACH, struct.pack("HP", len(program), ctypes.addressof(code)))
    except OSError:
        return False
    return True


def _bind_unix(wanted: Wanted) -> socket.socket:
    """Bind under the asked-for mode from the start; a socket file that nobody serves any more is taken over."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if _is_stale(wanted.where):
            os.unlink(wanted.where)
        mask = os.umask(0o777 & ~wanted.mode)
        try:
            sock.bind(wanted.where)
        finally:
            os.umask(mask)
        sock.listen(wanted.backlog)
        return sock
    except BaseException:
        sock.close()
        raise


def _is_stale(path: str) -> bool:
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return False
    except OSError:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        return probe.connect_ex(path) == errno.ECONNREFUSED


def _unlink(path: str) -> None:
    if not path.startswith("\0") and os.path.exists(path):
        os.unlink(path)


@implementer(IListeningPort)
class Ports:
    """One listener over one or more sockets."""

    def __init__(self, ports: Sequence[Any]) -> None:
        self.ports = ports

    def startListening(self) -> None:
        """Nothing to do: the sockets listen already."""

    def stopListening(self) -> Deferred[None]:
        """Accept no more. The sockets stay bound as long as their source holds them."""
        done = gatherResults([maybeDeferred(port.stopListening) for port in self.ports], consumeErrors=True)
        return done.addCallback(lambda _: None)

    def getHost(self) -> Any:
        return self.ports[0].getHost()


@implementer(IReactorTCP, IReactorUNIX, IReactorSocket)
class BoundReactor:
    """Stands in for `reactor` when an endpoint of `role` listens; all else passes through to it.

    Without a reactor it only has its source bind. `used` collects the keys of what was asked for. `before` is what
    stands before each factory where the socket is accepted, below TLS.
    """

    def __init__(self, reactor: Any, source: Source, role: str, before: Before | None = None) -> None:
        self._reactor, self._source, self._role, self._before = reactor, source, role, before
        self.used: list[Key] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(self, port: int, factory: Any, backlog: int = UNSAID_BACKLOG, interface: str = "") -> Any:
        backlog = BACKLOG if backlog == UNSAID_BACKLOG else backlog
        return self._listen(Wanted("tcp", interface, port, backlog, role=self._role), factory)

    def listenSSL(
        self, port: int, factory: Any, contextFactory: Any, backlog: int = UNSAID_BACKLOG, interface: str = ""
    ) -> Any:
        return self.listenTCP(port, TLSMemoryBIOFactory(contextFactory, False, factory), backlog, interface)

    def listenUNIX(
        self, address: Any, factory: Any, backlog: int = UNSAID_BACKLOG, mode: int = 0o666, wantPID: Any = 0
    ) -> Any:
        backlog = BACKLOG if backlog == UNSAID_BACKLOG else backlog
        return self._listen(Wanted("unix", os.fsdecode(address), 0, backlog, mode), factory)

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        """What systemd has bound is not ours to bind or to close."""
        if self._reactor is None:
            return Ports(())
        return self._reactor.adoptStreamPort(fileDescriptor, addressFamily, self._introduced(factory))

    def _introduced(self, factory: Any) -> Any:
        if self._before is None:
            return factory
        if isinstance(factory, Secured):  # the reader of the header may hold what TLS begins with: no TLS below it
            factory = Wrapped(factory, self._reactor)
        return self._before(factory)

    def _listen(self, wanted: Wanted, factory: Any) -> Ports:
        sockets = self._source.sockets(wanted)
        self.used.append(wanted.key)
        if self._reactor is None:
            return Ports(())
        factory = self._introduced(factory)
        return Ports([adopt(self._reactor, sock, factory, wanted.backlog) for sock in sockets])


def adopt(reactor: Any, sock: socket.socket, factory: Any, backlog: int) -> Any:
    """Have `reactor` accept on a duplicate of `sock`, which stays open and in place when the port stops."""
    if hasattr(factory, "noisy"):
        factory.noisy = False
    if isinstance(factory, Secured):
        if hasattr(reactor, "adoptSecuredPort"):
            return reactor.adoptSecuredPort(sock.fileno(), sock.family, factory)
        factory = Wrapped(factory, reactor)
    if sock.family != socket.AF_UNIX:
        return reactor.adoptStreamPort(sock.fileno(), sock.family, factory)
    port_class = getattr(reactor, "unixPortClass", unix.Port)
    port = port_class._fromListeningDescriptor(reactor, sock.fileno(), factory)
    # A UNIX port changes the mode of its path and removes it at the end, which is for the binder to do: hide the path.
    port._bindPath, port.backlog = b"\0" + os.fsencode(sock.getsockname()), backlog
    port.startListening()
    return port


def listen(
    reactor: Any, source: Source, role: str, text: str, factory: Any, secure: Secure = in_the_clear,
    before: Before | None = None,
) -> tuple[Any, list[Key]]:  # fmt: skip
    """Open the endpoint `text`: its port, and the keys of the sockets behind it. BindError in one line otherwise.

    `secure` puts a factory behind TLS; `before` reads the PROXY protocol on a `haproxy:` endpoint, and who only binds
    needs none.
    """
    proxied = text.startswith(PROXIED)
    if proxied and before is None and reactor is not None:
        raise BindError(f"listeners.{role}: {text!r}: the PROXY protocol is not read on this listener")
    bound = BoundReactor(reactor, source, role, before if proxied else None)
    place = text.removeprefix(PROXIED)
    results: list[Any] = []
    try:
        tls = read_tls_endpoint(place)
        if tls is not None:
            port = bound.listenTCP(tls.port, secure(tls, factory), tls.backlog or BACKLOG, tls.interface)
            return port, bound.used
        endpoint = serverFromString(bound, place)
        endpoint.listen(factory).addCallbacks(results.append, lambda failure: results.append(failure.value))
    except BindError as error:
        raise BindError(f"{error} (listeners.{role}: {text})") from error
    except Exception as error:
        raise BindError(f"listeners.{role}: {text!r} is no endpoint that can be opened: {_said(error)}") from error
    if not results:
        raise BindError(f"listeners.{role}: {text!r} does not listen at once, which is not supported")
    if isinstance(results[0], BindError):
        raise BindError(f"{results[0]} (listeners.{role}: {text})")
    if isinstance(results[0], BaseException):
        raise BindError(f"listeners.{role}: {text!r} cannot be opened: {_said(results[0])}")
    return results[0], bound.used


def bind(source: Source, role: str, text: str) -> list[Key]:
    """Have `source` bind what the endpoint `text` needs, without serving it."""
    factory = Factory()
    factory.noisy = False
    return listen(None, source, role, text, factory)[1]


def _said(error: BaseException) -> str:
    """What an exception of an endpoint parser says, as one line."""
    if isinstance(error, KeyError | IndexError):
        return f"no such descriptor or option {error}"
    return " ".join(str(error).split()) or type(error).__name__
