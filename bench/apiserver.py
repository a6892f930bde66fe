"""The tests' API server, elsewhere."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from typing import Any

from kube.apiserver import ApiServer
from remote import Remote


class Served(ApiServer):
    """An API server that can be told more at once."""

    def __enter__(self) -> Served:
        os.nice(10)  # it would be another machine's work
        super().__enter__()
        return self

    def held(self, plural: str, key: str) -> Any:
        return self.objects[plural].get(key)

    def no_streams(self) -> None:
        self.streams = False

    def put_all(self, plural: str, values: list[Any]) -> None:
        for value in values:
            self.put(plural, value)

    def play(self, plural: str, values: list[Any], rate: float) -> None:
        threading.Thread(target=self._play, args=(plural, values, rate), daemon=True).start()

    def _play(self, plural: str, values: list[Any], rate: float) -> None:
        began, pause = time.monotonic(), threading.Event()
        for number, value in enumerate(values):
            pause.wait(max(0.0, began + number / rate - time.monotonic()))
            self.put(plural, value)


class ApiProcess(Remote):
    """Has those methods of `Served` that are named here. `with` ends it."""

    def __init__(self) -> None:
        super().__init__(Served)

    def __enter__(self) -> ApiProcess:
        super().__enter__()
        self._kubeconfig = self.ask("kubeconfig")
        return self

    def kubeconfig(self) -> dict[str, Any]:
        """What leads there."""
        found: dict[str, Any] = self._kubeconfig
        return found

    def put(self, plural: str, value: Any) -> None:
        self.ask("put", plural, value)

    def put_all(self, plural: str, values: Iterable[Any]) -> None:
        """Many at once."""
        self.ask("put_all", plural, list(values))

    def play(self, plural: str, values: Iterable[Any], rate: float) -> None:
        """Put one after the other, so many a second, while whoever calls goes on."""
        self.ask("play", plural, list(values), rate)

    def delete(self, plural: str, key: str) -> None:
        self.ask("delete", plural, key)

    def get(self, plural: str, key: str) -> Any:
        """An object; None where there is none."""
        return self.ask("held", plural, key)

    def stop(self) -> None:
        self.ask("stop")

    def start(self) -> None:
        self.ask("start")

    def no_streams(self) -> None:
        """WatchList is not served."""
        self.ask("no_streams")
