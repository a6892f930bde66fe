"""request-id: the client hears of the id that logs and upstreams have."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from edge.rig import Rig

from gwt.phase.plugintype import Misfit, PluginType
from gwt.plugins.request_id import RequestId

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def rig(**conf: Any) -> Rig:
    return Rig(kinds=[RequestId], plugins={"request-id": conf})


def with_header(name: bytes, value: bytes) -> bytes:
    return GET.replace(b"\r\n\r\n", b"\r\n%b: %b\r\n\r\n" % (name, value))


def test_one_id_for_client_upstream_and_log() -> None:
    one = rig().send(GET)
    told = one.answers()[0].headers[b"x-request-id"]
    assert told == one.seen[0].header(b"x-request-id") == one.finished[0].request_id
    assert uuid.UUID(told.decode()).version == 4


def test_the_clients_own_is_kept_where_it_is_one() -> None:
    assert rig().send(with_header(b"X-Request-Id", b"a.b-1")).answers()[0].headers[b"x-request-id"] == b"a.b-1"
    assert rig().send(with_header(b"X-Request-Id", b"a b")).answers()[0].headers[b"x-request-id"] != b"a b"


def test_errors_of_the_gateway_have_it_too() -> None:
    one = Rig(kinds=[RequestId], plugins={"request-id": {}}, answer=None).send(GET).hang_up()
    (got,) = one.answers()
    assert got.status == 502 and got.headers[b"x-request-id"] in got.body


def test_a_name_of_ones_own() -> None:
    one = rig(header_name="X-Trace").send(GET, with_header(b"X-Trace", b"mine"), with_header(b"X-Trace", b"not one"))
    told = [got.headers[b"x-trace"] for got in one.answers()]
    assert told == [seen.header(b"x-trace") for seen in one.seen]
    assert told[1] == b"mine" and told[2] != b"not one" and b"x-request-id" not in one.answers()[0].headers


def test_the_client_need_not_hear_of_it() -> None:
    one = rig(include_in_response=False).send(GET)
    assert b"x-request-id" not in one.answers()[0].headers and one.finished[0].phases is None


@pytest.mark.parametrize(
    ("conf", "form"),
    [
        ({"algorithm": "nanoid"}, rb"[A-Za-z0-9_-]{21}"),
        ({"algorithm": "ksuid"}, rb"[A-Za-z0-9]{27}"),
        ({"algorithm": "range_id"}, rb"[A-Za-z0-9]{16}"),
        ({"algorithm": "range_id", "range_id": {"length": 8, "char_set": "abcdef"}}, rb"[a-f]{8}"),
    ],
)
def test_other_forms(conf: Any, form: bytes) -> None:
    one = rig(**conf).send(GET * 2)
    first, second = (got.headers[b"x-request-id"] for got in one.answers())
    assert re.fullmatch(form, first) and re.fullmatch(form, second) and first != second


@pytest.mark.parametrize("conf", [{"range_id": {"length": 8}}, {"header_name": "a b"}, {"algorithm": "md5"},
                                  {"algorithm": "range_id", "range_id": {"length": 2}}])  # fmt: skip
def test_what_it_does_not_take(conf: Any) -> None:
    with pytest.raises(Misfit):
        PluginType(RequestId).make(conf)
