"""Messages of etcd's JSON gateway."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwt.etcd.messages import (
    KeyValue,
    b64,
    below,
    delete,
    end_of,
    events_of,
    keys_of,
    leased,
    none_since,
    put,
    revision_of,
    unchanged,
)

KV = {"key": b64("/gwt/a"), "value": b64(b"\xff"), "mod_revision": "7"}


@given(st.text(min_size=1), st.sampled_from(["/gwt/", "/a", "x"]))
def test_a_prefix_ends_where_keys_begin_that_have_another(key: str, prefix: str) -> None:
    raw, first, last = key.encode("utf-8", "replace"), prefix.encode(), end_of(prefix).encode()
    assert (first <= raw < last) == raw.startswith(first)
    assert first <= first + raw < last


def test_answers() -> None:
    assert revision_of({"header": {"revision": "12"}}) == 12
    assert keys_of({"kvs": [KV]}) == [KeyValue("/gwt/a", b"\xff", 7)] and keys_of({}) == []
    gone = {"type": "DELETE", "kv": {"key": b64("/gwt/a"), "mod_revision": "8"}}
    assert events_of({"events": [{"kv": KV}, gone]}) == [KeyValue("/gwt/a", b"\xff", 7), KeyValue("/gwt/a", None, 8)]
    assert events_of({"created": True}) == []


@pytest.mark.parametrize("answer", [{}, {"header": {}}, {"header": None}, {"header": {"revision": "x"}}])
def test_no_revision(answer: Any) -> None:
    with pytest.raises(ValueError):
        revision_of(answer)


@pytest.mark.parametrize("raw", [None, {}, {"key": "*"}, {"key": 1}, {"key": "YQ==", "mod_revision": "x"}])
def test_no_key(raw: Any) -> None:
    with pytest.raises(ValueError):
        keys_of({"kvs": [raw]})


def test_questions() -> None:
    assert below("/a/", limit="1") == {"key": b64("/a/"), "range_end": b64("/a0"), "limit": "1"}
    assert b64decode(put("k", b"v")["request_put"]["value"]) == b"v"
    assert delete("k") == {"request_delete_range": {"key": b64("k")}}
    assert put("k", "v", lease="7")["request_put"] == {"key": b64("k"), "value": b64("v"), "lease": "7"}
    assert leased("k", "7") == {"key": b64("k"), "target": "LEASE", "result": "EQUAL", "lease": "7"}
    assert unchanged("k", 0)["mod_revision"] == "0"
    (one,) = none_since(["/a/"], 7)
    assert (one["result"], one["mod_revision"], one["range_end"]) == ("LESS", "8", b64("/a0"))
