"""Server: a program that tests talk to, started, frozen and killed as they like."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from system.harness import PATIENCE


class Server(ABC):
    """`start` is the business of those who know when it answers; `directory` goes when `with` ends."""

    def __init__(self, name: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix=f"gwt-{name}-"))
        self.popen: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def start(self) -> None:
        """Until it answers."""

    def spawn(self, argv: Sequence[str], output: Any = subprocess.DEVNULL) -> None:
        """Start the program, with a session of its own."""
        self.popen = subprocess.Popen(
            argv, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
        )

    def kill(self) -> None:
        """End it at once; connections break."""
        if self.popen is not None:
            os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait(PATIENCE)
            self.popen = None

    def stop(self) -> None:
        """End it, and all that goes with it."""
        self.kill()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """In there it accepts connections and answers nothing."""
        assert self.popen is not None
        os.killpg(self.popen.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.popen.pid, signal.SIGCONT)

    def __enter__(self) -> Any:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
