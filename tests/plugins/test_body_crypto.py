"""body-crypto: the frames, what is refused, and the client of the documentation as the judge."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from edge.cases import WS
from edge.rig import Rig
from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.phase.plugintype import Misfit, PluginType
from gwt.plugins.body_crypto import BodyCrypto
from gwt.wire.frames import HEADER, MOST, key_id

KEY, OTHER = bytes(range(32)), b"k" * 32
PAGE = Path(__file__).resolve().parent.parent.parent / "docs/plugins-builtin.md"
CLIENT: dict[str, Any] = {}
exec(re.search(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)[1], CLIENT)  # type: ignore[index]
CODING = b"Content-Encoding: gwt-aes256gcm\r\n"


def written(*keys: bytes) -> list[str]:
    return [b64encode(key).decode() for key in keys]


def rig(*keys: bytes, answer: Any = lambda seen: b"<" + seen.body + b">", **conf: Any) -> Rig:
    conf = {"keys": written(*(keys or (KEY,))), **conf}
    return Rig(kinds=[BodyCrypto], plugins={"body-crypto": conf}, answer=answer)


def post(body: bytes, fields: bytes = CODING, method: bytes = b"POST") -> bytes:
    return b"%b / HTTP/1.1\r\nHost: a\r\n%bContent-Length: %d\r\n\r\n%b" % (method, fields, len(body), body)


def test_there_and_back() -> None:
    body, salt = CLIENT["encrypt"](KEY, b"hello")
    one = rig().send(post(body, b"Content-Type: text/plain\r\nContent-Encoding: gzip, GWT-AES256gcm\r\n"))
    (seen,), (got,) = one.seen, one.answers()
    assert (seen.body, seen.header(b"content-length"), seen.header(b"content-encoding")) == (b"hello", b"5", b"gzip")
    assert got.headers[b"content-encoding"] == b"gwt-aes256gcm" and b"hello" not in got.body
    assert CLIENT["decrypt"](KEY, got.body, salt) == b"<hello>"
    with pytest.raises(InvalidTag):
        CLIENT["decrypt"](KEY, got.body)  # as the answer to another request


def test_a_body_in_chunks_and_one_of_many_frames() -> None:
    plain = os.urandom(3 * MOST + 1)
    body, salt = CLIENT["encrypt"](KEY, plain)
    head = post(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:10], body[10:70000], body[70000:])]
    one = rig().send(head, *chunks, b"0\r\n\r\n")
    assert one.seen[0].body == plain and CLIENT["decrypt"](KEY, one.answers()[0].body, salt) == b"<" + plain + b">"


def test_without_a_body_the_first_key_seals() -> None:
    one = rig(OTHER, KEY).send(b"GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n")
    assert CLIENT["decrypt"](OTHER, one.answers()[0].body) == b"<>" and one.seen[0].header(b"range") is None
    body, salt = CLIENT["encrypt"](KEY, b"")
    assert CLIENT["decrypt"](KEY, rig(OTHER, KEY).send(post(body)).answers()[0].body, salt) == b"<>"


def test_answers_that_stream_and_those_that_break_off() -> None:
    one = rig(answer=None).send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    one.reply(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nabc')
    got = one.answers()[0]
    assert got.headers[b"etag"] == b'W/"x"' and got.headers[b"content-encoding"] == b"gzip, gwt-aes256gcm"
    assert len(got.body) == HEADER + 4 + 3 + 16 and not got.complete
    with pytest.raises(ValueError, match="cut off"):
        CLIENT["decrypt"](KEY, got.body)
    assert CLIENT["decrypt"](KEY, one.reply(b"defghi").answers()[0].body) == b"abcdefghi"
    one = rig(answer=None).send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    one.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").hang_up()
    assert one.wire.aborted


def test_answers_without_a_body() -> None:
    one = rig(answer=None).send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").reply(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert one.statuses == [204] and b"content-encoding" not in one.answers()[0].headers
    one = rig().send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert one.answers(True)[0].headers[b"content-encoding"] == b"gwt-aes256gcm" and not one.raised


def test_errors_of_the_gateway_stay_readable() -> None:
    got = rig(answer=None).send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").hang_up().answers()[0]
    assert got.status == 502 and b"request_id" in got.body and b"content-encoding" not in got.headers


def test_what_is_not_encrypted_is_refused() -> None:
    assert rig().send(post(b"plain", b"")).statuses == [415]
    assert rig().send(post(b"plain")).statuses == [400]
    assert rig().send(post(CLIENT["encrypt"](OTHER, b"x")[0])).statuses == [400]
    upgrade = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n" + WS + b"\r\n"
    assert rig().send(upgrade).statuses == [403]


def test_one_direction_only() -> None:
    body, _ = CLIENT["encrypt"](KEY, b"x")
    assert rig(encrypt_response=False).send(post(body)).answers()[0].body == b"<x>"
    one = rig(decrypt_request=False).send(post(b"x", b""))
    assert one.seen[0].body == b"x" and CLIENT["decrypt"](KEY, one.answers()[0].body) == b"<x>"


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=60))
def test_whatever_is_sent_it_never_raises(body: bytes) -> None:
    one = rig().send(post(b"GWT\x01" + key_id(KEY) + body))
    assert one.statuses == [400] and not one.raised and not one.seen


@pytest.mark.parametrize("keys", [[], ["AAAA"], ["not base64!"], [b64encode(KEY).decode(), "x"], ["é" * 44]])
def test_what_it_does_not_take(keys: list[str]) -> None:
    with pytest.raises(Misfit, match="keys") as caught:
        PluginType(BodyCrypto).make({"keys": keys})
    assert not any(key in str(caught.value) for key in keys)


def test_keys_are_shown_nowhere() -> None:
    plugin = PluginType(BodyCrypto).make({"keys": written(KEY)})
    assert written(KEY)[0] not in repr(plugin)
