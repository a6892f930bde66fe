"""Stores that gateways share, in a real Redis or a real etcd, written to as any tool may; what is asked of every kind.

with opened("etcd") as store:
    store.route("a", document("a.example.com"))
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, Protocol

from system.etcd import EtcdServer, b64
from system.harness import GatewayProcess, get, request
from system.redis import RedisServer

#: By hash and name what is to stand there, as JSON (None: nothing).
Changes = Mapping[str, Mapping[str, Any]]


class SharedStore(Protocol):
    """A store with the usual prefix. `silence` is in the line that tells that it does not answer."""

    silence: str

    @property
    def url(self) -> str: ...

    def fill(self, id_: str = "a") -> None:
        """Give it an id."""

    def clear(self) -> None:
        """Nothing is left, not even an id."""

    def write(self, part: str, changes: Changes) -> int:
        """`changes` of `part`, as one; its revision."""

    def route(self, name: str, document: Any) -> int: ...

    def service(self, key: str, *addresses: str) -> int:
        """Without addresses it is gone."""

    def entries(self, hash_: str) -> dict[str, Any]:
        """What stands there, by name."""

    def put(self, name: str, text: str) -> None:
        """What the store says of itself: id, format, epoch."""

    def get(self, name: str) -> str | None: ...

    def revisions(self) -> tuple[Any, ...]:
        """Another one whenever anything was written, even the same."""

    def remembered(self) -> list[str]:
        """Names of what stands in the history."""

    def start(self) -> None:
        """It is there again, with what it held."""

    def stop(self) -> None:
        """It is gone, and connections break."""

    def frozen(self) -> AbstractContextManager[None]:
        """In there it accepts connections and answers nothing."""


class RedisStore:
    """Of `server`; made with an id, unless it is to be `bare`."""

    silence = "did not answer"

    def __init__(self, server: RedisServer, bare: bool = False) -> None:
        self.server = server
        self.frozen = server.frozen
        self.start = server.start
        if not bare:
            self.fill()

    @property
    def url(self) -> str:
        return self.server.url

    def fill(self, id_: str = "a") -> None:
        self.server.command("MSET", "{gwt}:id", id_, "{gwt}:format", "1", "{gwt}:rev", "0", "{gwt}:services:rev", "0")

    def clear(self) -> None:
        self.server.command("FLUSHALL")

    def write(self, part: str, changes: Changes, publish: bool = True) -> int:
        counter = "{gwt}:rev" if part == "routes" else f"{{gwt}}:{part}:rev"
        rev = int(self.server.command("GET", counter) or 0) + 1
        commands: list[tuple[str, ...]] = []
        for hash_, entries in changes.items():
            for name, value in entries.items():
                key = f"{{gwt}}:{hash_}"
                commands.append(("HDEL", key, name) if value is None else ("HSET", key, name, json.dumps(value)))
        names = " ".join(name for entries in changes.values() for name in entries)
        commands.append(("INCR", counter))
        if publish:
            commands.append(("PUBLISH", "{gwt}:changed", f"{part} {rev} {names}"))
        self.server.transaction(commands)
        return rev

    def route(self, name: str, document: Any, **more: Any) -> int:
        return self.write("routes", {"routes": {name: document}}, **more)

    def service(self, key: str, *addresses: str, **more: Any) -> int:
        return self.write("services", {"services": {key: endpoints(*addresses)}}, **more)

    def entries(self, hash_: str) -> dict[str, Any]:
        reply = self.server.command("HGETALL", f"{{gwt}}:{hash_}")
        return {name.decode(): json.loads(raw) for name, raw in zip(reply[::2], reply[1::2], strict=True)}

    def put(self, name: str, text: str) -> None:
        self.server.command("SET", f"{{gwt}}:{name}", text)

    def get(self, name: str) -> str | None:
        found = self.server.command("GET", f"{{gwt}}:{name}")
        return None if found is None else str(found.decode())

    def revisions(self) -> tuple[Any, ...]:
        return tuple(
            self.server.command("MGET", "{gwt}:id", "{gwt}:rev", "{gwt}:services:rev", "{gwt}:certificates:rev")
        )

    def remembered(self) -> list[str]:
        return [name.decode() for name in self.server.command("HKEYS", "{gwt}:history")]

    def stop(self) -> None:
        self.server.command("SAVE")
        self.server.stop()


class EtcdStore:
    """Of `server`; made with an id, unless it is to be `bare`."""

    silence = "no answer within"

    def __init__(self, server: EtcdServer, bare: bool = False) -> None:
        self.server = server
        self.clear = server.clear
        self.frozen = server.frozen
        self.start = server.start
        self.stop = server.stop
        if not bare:
            self.fill()

    @property
    def url(self) -> str:
        return self.server.url

    def fill(self, id_: str = "a") -> None:
        self.put("format", "1")
        self.put("id", id_)

    def write(self, part: str, changes: Changes) -> int:
        done = []
        for hash_, entries in changes.items():
            for name, value in entries.items():
                key = b64(f"/gwt/{hash_}/{name}")
                done.append(
                    {"request_delete_range": {"key": key}} if value is None
                    else {"request_put": {"key": key, "value": b64(json.dumps(value))}}
                )  # fmt: skip
        return int(self.server.ask("/v3/kv/txn", {"success": done})["header"]["revision"])

    def route(self, name: str, document: Any) -> int:
        return self.write("routes", {"routes": {name: document}})

    def service(self, key: str, *addresses: str) -> int:
        return self.write("services", {"services": {key: endpoints(*addresses)}})

    def entries(self, hash_: str) -> dict[str, Any]:
        return {name: json.loads(value) for name, (value, _) in self.server.below(f"/gwt/{hash_}/").items()}

    def put(self, name: str, text: str) -> None:
        self.server.put(f"/gwt/{name}", text)

    def get(self, name: str) -> str | None:
        return self.server.get(f"/gwt/{name}")

    def revisions(self) -> tuple[Any, ...]:
        return tuple((name, rev) for name, (_, rev) in self.server.below("/gwt/").items())

    def remembered(self) -> list[str]:
        return list(self.server.below("/gwt/history/"))


KINDS: Final = ("redis", "etcd")


@contextmanager
def opened(kind: str, bare: bool = False) -> Iterator[SharedStore]:
    """A store of one of `KINDS`, in a server of its own."""
    if kind == "redis":
        with RedisServer() as redis:
            yield RedisStore(redis, bare)
    else:
        with EtcdServer() as etcd:
            yield EtcdStore(etcd, bare)


def endpoints(*addresses: str) -> Any:
    """A service, None without addresses."""
    return {"source": "tool", "endpoints": [{"address": one} for one in addresses]} if addresses else None


def document(host: str, service: str = "s", **more: Any) -> dict[str, Any]:
    """A Route of one path."""
    return {
        "hosts": [host],
        "namespace": "n",
        "services": [{"name": service, "port": 80, "paths": [{"uri": "/"}]}],
        **more,
    }


def writes_are_there_at_once(one: GatewayProcess) -> None:
    """What the admin API has written is there for whoever asks next, whichever worker answers, over and over."""
    for number in range(20):
        name = f"/v1/routes/r{number}"
        put = request(one.admin, "PUT", name, body=json.dumps(document(f"r{number}.example.com")).encode())
        assert put.status == 200
        found = get(one.admin, name)
        assert found.status == 200 and found.headers["etag"] == put.headers["etag"]
        assert request(one.admin, "DELETE", name, headers={"If-Match": put.headers["etag"]}).status == 200
        assert get(one.admin, name).status == 404
        assert request(one.admin, "POST", f"/upstream/u{number}", body=b"server 10.0.0.1;").body == b"success"
        assert get(one.admin, f"/upstream/u{number}").status == 200
        assert request(one.admin, "DELETE", f"/upstream/u{number}").body == b"success"
        assert get(one.admin, f"/upstream/u{number}").status == 404
