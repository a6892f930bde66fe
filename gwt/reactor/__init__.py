"""A Twisted reactor whose stream connections are uvloop's own transports.

`install()` makes it the process's reactor; `available()` says whether it can be used here.
Nothing below is imported before one of them is called, so importing this package installs nothing.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from importlib.util import find_spec


def available() -> bool:
    """True where uvloop can be imported (it has no wheels for Windows, nor for PyPy)."""
    return find_spec("uvloop") is not None


def install(loop: AbstractEventLoop | None = None) -> None:
    """Install a `UVLoopReactor` as `twisted.internet.reactor`.

    `loop` is a uvloop loop to run on; a new one is made where none is given.
    Raises ImportError without uvloop, `ReactorAlreadyInstalledError` where a reactor is installed.
    """
    from gwt.reactor import reactor

    reactor.install(loop)
