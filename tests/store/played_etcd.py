"""An etcd that is played: as much of one as a reader asks."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from gwt.etcd.client import EtcdError
from gwt.etcd.messages import b64


class Etcd:
    """`log` is every change as (revision, key, value or None); `interfere` is called within the next transaction.
    `leases` are those that were granted, each with its keys.
    """

    def __init__(self) -> None:
        self.log: list[tuple[int, str, bytes | None]] = []
        self.keys: dict[str, tuple[bytes, int]] = {}
        self.rev = 1
        self.down = False
        self.watches: list[tuple[Any, Callable[[Any], None], Callable[[str], None]]] = []
        self.interfere: Callable[[], None] | None = None
        self.leases: dict[str, set[str]] = {}

    def put(self, key: str, value: str) -> None:
        self.rev += 1
        self.set(f"/gwt/{key}", value.encode())

    def set(self, key: str, value: bytes | None) -> None:
        """At the present revision."""
        if value is not None:
            self.keys[key] = (value, self.rev)
        elif self.keys.pop(key, None) is None:
            return
        self.log.append((self.rev, key, value))

    def ask(self, path: str, question: Any) -> Deferred[Any]:
        if self.down:
            return fail(EtcdError("it is down"))
        if path.startswith("/v3/lease/"):
            return self._lease(path.rpartition("/")[2], question["ID"])
        if path == "/v3/kv/range":
            return succeed({"header": self._header(), **self._range(question)})
        assert path == "/v3/kv/txn"
        try:
            done = self._txn(question)
        except EtcdError as error:
            return fail(error)
        return succeed({"header": self._header(), **done})

    def expire(self, lease: str) -> None:
        """It has run out, or was revoked."""
        for key in self.leases.pop(lease):
            self.set(key, None)

    def _lease(self, what: str, lease: str) -> Deferred[Any]:
        there = lease in self.leases
        if what == "keepalive":
            return succeed({"result": {"ID": lease, **({"TTL": "15"} if there else {})}})
        if what == "grant":
            if there:
                return fail(EtcdError("it says etcdserver: lease already exists"))
            self.leases[lease] = set()
            return succeed({"ID": lease, "TTL": "15"})
        if not there:
            return fail(EtcdError("it says etcdserver: requested lease not found"))
        self.expire(lease)
        return succeed({})

    def watch(self, question: Any, heard: Any, over: Any) -> Any:
        self.watches.append((question, heard, over))
        return type("Watch", (), {"stop": lambda self: None})()

    def close(self) -> Deferred[None]:
        return succeed(None)

    def _header(self) -> dict[str, str]:
        return {"revision": str(self.rev)}

    def _range(self, question: Any) -> dict[str, Any]:
        first = b64decode(question["key"]).decode()
        end = b64decode(question["range_end"]).decode() if "range_end" in question else first + "\0"
        least = int(question.get("min_mod_revision", 0))
        named = sorted(key for key in self.keys if first <= key < end)
        found = [key for key in named if self.keys[key][1] >= least]
        if question.get("sort_target") == "MOD":
            found.sort(key=lambda key: -self.keys[key][1])
        limit = int(question.get("limit", 0)) or len(found)
        if question.get("count_only"):
            return {"count": str(len(named))}
        kvs = [{"key": b64(key), "value": b64(self.keys[key][0]), "mod_revision": str(self.keys[key][1])}
               for key in found[:limit]]  # fmt: skip
        return {"kvs": kvs, "count": str(len(named)), "more": len(found) > limit}

    def _txn(self, question: Any) -> dict[str, Any]:
        if "compare" in question and self.interfere is not None:
            interfere, self.interfere = self.interfere, None
            interfere()
        holds = all(self._holds(one) for one in question.get("compare", ()))
        asked = question.get("success" if holds else "failure", ())
        if any("request_range" not in one for one in asked):
            self.rev += 1
        return {**({"succeeded": True} if holds else {}), "responses": [self._do(one) for one in asked]}

    def _holds(self, one: Any) -> bool:
        first = b64decode(one["key"]).decode()
        if one["target"] == "LEASE":
            return first in self.leases.get(one["lease"], ())
        wanted = int(one["mod_revision"])
        if one["result"] == "EQUAL":
            return self.keys.get(first, (b"", 0))[1] == wanted
        end = b64decode(one["range_end"]).decode()
        return all(rev < wanted for key, (_, rev) in self.keys.items() if first <= key < end)

    def _do(self, one: Any) -> Any:
        match one:
            case {"request_range": question}:
                return {"response_range": self._range(question)}
            case {"request_put": {"key": key, "value": value, **more}}:
                self._attach(b64decode(key).decode(), more.get("lease"))
                self.set(b64decode(key).decode(), b64decode(value))
            case {"request_delete_range": {"key": key}}:
                self.set(b64decode(key).decode(), None)
        return {}

    def _attach(self, key: str, lease: str | None) -> None:
        if lease is not None and lease not in self.leases:
            raise EtcdError("it says etcdserver: requested lease not found")
        for one, keys in self.leases.items():
            (keys.add if one == lease else keys.discard)(key)
