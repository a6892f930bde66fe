"""What the kernel knows of a client's socket: how much the client has taken, and whether it is still there.

The transports tell none of this. Every function works on a transport without a socket too, and then knows nothing.
"""

from __future__ import annotations

import fcntl
import select
import socket
import struct
import termios
from typing import Any

#: `tcpi_bytes_acked` (Linux 4.1 and later): where it stands in `struct tcp_info`.
_ACKED = struct.Struct("Q")
_ACKED_AT = 120
_INT = struct.Struct("i")
_BROKEN = select.POLLERR | select.POLLHUP


def descriptor(transport: Any) -> int:
    """The descriptor of the transport's socket, -1 where there is none."""
    fileno = getattr(transport, "fileno", None)
    return -1 if fileno is None else int(fileno())


def unsent(transport: Any) -> int:
    """Bytes in the kernel that the client's side has not yet acknowledged (SIOCOUTQ)."""
    return _waiting(transport, termios.TIOCOUTQ)


def unread(transport: Any) -> int:
    """Bytes that have come and that nobody has read yet (FIONREAD)."""
    return _waiting(transport, termios.FIONREAD)


def _waiting(transport: Any, which: int) -> int:
    number = descriptor(transport)
    if number < 0:
        return 0
    try:
        return int(_INT.unpack(fcntl.ioctl(number, which, bytes(4)))[0])
    except OSError:
        return 0


def taken(transport: Any) -> int:
    """A count of bytes that grows with what the client takes: only the difference of two calls means something."""
    number = descriptor(transport)
    if number < 0:
        return 0
    try:
        with socket.socket(fileno=_copy(number)) as copy:
            info = copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKED_AT + _ACKED.size)
        return int(_ACKED.unpack_from(info, _ACKED_AT)[0])
    except (OSError, struct.error, AttributeError):
        return -unsent(transport)  # no TCP: what waits in the kernel shrinks


def broken(transport: Any) -> bool:
    """Whether the connection is known to be lost in both directions (a reset came)."""
    number = descriptor(transport)
    if number < 0:
        return False
    look = select.poll()
    look.register(number, 0)
    return any(events & _BROKEN for _, events in look.poll(0))


def _copy(number: int) -> int:
    return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 0)
