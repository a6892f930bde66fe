"""EtcdRegister: which gateways are alive, in an etcd: a key for each, that goes with its lease.

The id of the lease is made of that of the gateway, so that all of its workers keep the same one alive.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.logger import Logger

from gwt.etcd.client import Client, EtcdError
from gwt.etcd.messages import below, leased, put

#: What comes of answers that are none of etcd's.
UNREADABLE: Final = (EtcdError, ValueError, TypeError, LookupError, AttributeError)


class EtcdRegister:
    """See `gwt.presence.Register`. `node` is the id of this gateway, `told` what is to be seen of it (JSON)."""

    log = Logger("gwt.store")

    def __init__(self, client: Client, prefix: str, node: str, told: str) -> None:
        self._client = client
        self._all, self._key, self._told = f"{prefix}/node/", f"{prefix}/node/{node}", told
        self._lease = lease_of(self._key)
        self._there = self._left = self._warned = False

    @inlineCallbacks
    def tell(self, lifetime: int) -> Any:
        try:
            yield self._keep(lifetime)
            if self._left:
                raise EtcdError("this gateway has left")
            self._there = True
            answer = yield self._client.ask("/v3/kv/txn", self._question())
            gateways = int(answer["responses"][-1]["response_range"]["count"])
        except UNREADABLE as error:
            self._there = False
            self._warn(error)
            raise
        self._warned = False
        return gateways

    def leave(self) -> Deferred[Any]:
        self._left = True
        return self._client.ask("/v3/lease/revoke", {"ID": self._lease}) if self._there else succeed(None)

    @inlineCallbacks
    def _keep(self, lifetime: int) -> Any:
        """Keep the lease alive; one that has run out, or was lost with all that etcd held, is granted anew."""
        answer = yield self._client.ask("/v3/lease/keepalive", {"ID": self._lease})
        if self._left or int((answer.get("result") or {}).get("TTL", 0)) > 0:
            return
        try:
            yield self._client.ask("/v3/lease/grant", {"ID": self._lease, "TTL": str(lifetime)})
        except EtcdError as error:
            if "already exists" not in str(error):  # another worker may have been quicker
                raise

    def _question(self) -> dict[str, Any]:
        """How many there are; where this one is not, or hangs on another lease, it is put there first."""
        count = {"request_range": below(self._all, count_only=True)}
        mine = put(self._key, self._told, lease=self._lease)
        return {"compare": [leased(self._key, self._lease)], "success": [count], "failure": [mine, count]}

    def _warn(self, error: Exception) -> None:
        """Once, until it works again: a store that can be read may refuse this alone."""
        if not (self._warned or self._left):
            self._warned = True
            self.log.warn("gateways can't be counted in etcd, the last number holds: {why}", why=error)


def lease_of(key: str) -> str:
    """The lease of a key: a number of 63 bits, never 0, as messages have it."""
    return str(int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) >> 1 | 1)
