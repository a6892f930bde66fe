"""Messages of etcd v3 as its JSON gateway has them: keys and values in base64, 64-bit numbers as text. Pure."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Any, NamedTuple


class KeyValue(NamedTuple):
    """A key, its value (None: it is gone) and the revision that it was last changed at."""

    key: str
    value: bytes | None
    rev: int


def b64(text: str | bytes) -> str:
    """As a message has it."""
    return b64encode(text.encode() if isinstance(text, str) else text).decode()


def end_of(prefix: str) -> str:
    """The first key behind all that begin with `prefix`, which ends in an ASCII character below DEL."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def below(prefix: str, **more: Any) -> dict[str, Any]:
    """A question about all keys that begin with `prefix`."""
    return {"key": b64(prefix), "range_end": b64(end_of(prefix)), **more}


def revision_of(answer: Any) -> int:
    """The store's revision when it answered. Raises ValueError."""
    try:
        return int(answer["header"]["revision"])
    except (TypeError, KeyError):
        raise ValueError("an answer without a revision") from None


def keys_of(answer: Any) -> list[KeyValue]:
    """The keys of a range. Raises ValueError."""
    return [_key_value(one) for one in answer.get("kvs", ())]


def events_of(result: Any) -> list[KeyValue]:
    """What a message of a watch says has changed, in order. Raises ValueError."""
    found = []
    for event in result.get("events", ()):
        one = _key_value(event["kv"])
        found.append(one._replace(value=None) if event.get("type") == "DELETE" else one)
    return found


def _key_value(raw: Any) -> KeyValue:
    try:
        key = b64decode(raw["key"], validate=True).decode("utf-8", "replace")
        return KeyValue(key, b64decode(raw.get("value", ""), validate=True), int(raw.get("mod_revision", 0)))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"this is no key of etcd: {error!r}") from None


def put(key: str, value: str | bytes, **more: Any) -> dict[str, Any]:
    """Part of a transaction: `key` gets `value`."""
    return {"request_put": {"key": b64(key), "value": b64(value), **more}}


def delete(key: str) -> dict[str, Any]:
    """Part of a transaction: `key` goes."""
    return {"request_delete_range": {"key": b64(key)}}


def unchanged(key: str, rev: int) -> dict[str, Any]:
    """Condition of a transaction: `key` was last changed at `rev` (0: it does not exist)."""
    return {"key": b64(key), "target": "MOD", "result": "EQUAL", "mod_revision": str(rev)}


def leased(key: str, lease: str) -> dict[str, Any]:
    """Condition of a transaction: `key` is there, and goes with `lease`."""
    return {"key": b64(key), "target": "LEASE", "result": "EQUAL", "lease": lease}


def none_since(prefixes: Iterable[str], rev: int) -> list[dict[str, Any]]:
    """Conditions: no key that begins with one of `prefixes` was changed after `rev`."""
    return [below(one, target="MOD", result="LESS", mod_revision=str(rev + 1)) for one in prefixes]
