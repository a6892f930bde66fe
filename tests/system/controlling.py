"""A controller as a real process, between an API server for tests and a real store."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from system.harness import Process, free_port, get, poll, twistd

#: For tests in which a lease runs out: whoever stands still for a second loses it, which the usual one outlasts.
SHORT_LEASE = {"duration": 2, "renew": 1.4, "retry": 0.3}


class Kubernetes(Protocol):
    """An API server, real or not."""

    def kubeconfig(self) -> dict[str, Any]:
        """That of a controller."""


class ControllerProcess(Process):
    """`twistd gateway-controller` for `api` and what has the `url` of a store; ready when the constructor returns."""

    def __init__(self, directory: Path, api: Kubernetes, kept: Any, wait: bool = True, **settings: Any) -> None:
        directory.mkdir(exist_ok=True)
        self.port = free_port()
        self.directory = directory
        (directory / "kubeconfig").write_text(json.dumps(api.kubeconfig()))
        config = {
            "kubernetes": {"path": "kubeconfig"},
            "store": kept.url,
            "namespaces": ["n"],
            "listen": f"tcp:{self.port}:interface=127.0.0.1",
            **settings,
        }
        (directory / "controller.yaml").write_text(json.dumps(config))
        super().__init__(twistd("gateway-controller", "--config", str(directory / "controller.yaml")), cwd=directory)
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                self.kill()
                raise

    def wait_ready(self) -> None:
        """Until it says that it is."""
        poll(lambda: self.ready() is not None)

    def ready(self) -> Mapping[str, Any] | None:
        """What /readyz says, None where it is not ready."""
        assert self.popen.poll() is None, self.output
        try:
            answer = get(self.port, "/readyz", timeout=5)
        except OSError:
            return None
        found: Mapping[str, Any] = answer.json()
        return found if answer.status == 200 else None

    def leads(self) -> bool:
        state = self.ready()
        return state is not None and bool(state["leads"])

    def metric(self, line: str) -> float:
        """The value of a line of /metrics that begins so; NaN, which equals nothing, where there is no such metric."""
        text, name = get(self.port, "/metrics").body.decode(), line.partition("{")[0]
        families = [name, *(name.removesuffix(part) for part in ("_count", "_sum", "_bucket"))]
        if not any(f"# TYPE {family} " in text for family in families):
            return math.nan
        found = [one for one in text.splitlines() if one.startswith(f"{line} ")]
        return float(found[0].rpartition(" ")[2]) if found else 0.0
