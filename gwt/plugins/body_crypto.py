"""body-crypto: decrypts what clients send and encrypts what they get, where TLS ends before the gateway.

The format is described byte by byte in docs/plugins-builtin.md.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Annotated, Any

from twisted.internet.defer import Deferred

from gwt.phase.plugin import Exchange, GatewayError, Misconfigured, Plugin
from gwt.wire.frames import REQUEST, RESPONSE, Sealer, Undecipherable, key_id, unseal

#: The content coding's name.
CODING = b"gwt-aes256gcm"


@dataclass(frozen=True)
class BodyCrypto(Plugin):
    """Bodies in frames of AES-256-GCM. `keys` are 32 bytes each, in base64: all of them open, the first seals.

    An answer is sealed with the key of its request, if that had a body. Errors of the gateway's own stay readable.
    """

    name = "body-crypto"
    priority = 1000
    admits = True
    examples = ({"keys": ["MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="]},)

    keys: Annotated[tuple[str, ...], {"type": "array", "minItems": 1, "items": {"type": "string"}}]
    decrypt_request: bool = True
    encrypt_response: bool = True
    _keys: Any = field(init=False, default=None, compare=False)

    def __post_init__(self) -> None:
        try:
            keys = [b64decode(text, validate=True) for text in self.keys]
        except (binascii.Error, ValueError):
            keys = [b""]
        if any(len(key) != 32 for key in keys):
            raise Misconfigured("keys", "each is the base64 of 32 bytes")
        object.__setattr__(self, "_keys", {key_id(key): key for key in keys})

    def phases(self) -> tuple[str, ...]:
        """Only what there is to do."""
        return ("access", "header_filter", "body_filter") if self.encrypt_response else ("access",)

    def access(self, ctx: Exchange) -> Deferred[None] | None:
        """Decrypt what the upstream is to get; what is not encrypted is refused."""
        ctx.notes[self.name] = next(iter(self._keys.values())), b""
        if self.encrypt_response:
            if ctx.head.upgrade:
                raise GatewayError("denied", "what passes in a tunnel would not be encrypted")
            ctx.request.remove_header("Range")  # parts of it could not be opened by themselves
            ctx.request.remove_header("If-Range")
        if not self.decrypt_request or not (ctx.head.chunked or ctx.head.length):
            return None
        rest, _, last = (ctx.header(b"content-encoding") or b"").rpartition(b",")
        if last.strip().lower() != CODING:
            raise GatewayError(
                "bad_request", f"the body must come with Content-Encoding: {CODING.decode()}", status=415
            )
        return ctx.request.read_body().addCallback(self._decrypt, ctx, rest.strip())

    def _decrypt(self, body: bytes, ctx: Exchange, coding: bytes) -> None:
        try:
            plain, key, salt = unseal(self._keys, REQUEST, body)
        except Undecipherable:
            raise GatewayError("bad_request", "the body can't be decrypted") from None
        ctx.notes[self.name] = key, salt
        ctx.request.replace_body(plain)
        ctx.request.remove_header("Content-Encoding")
        if coding:
            ctx.request.set_header("Content-Encoding", coding)

    def header_filter(self, ctx: Exchange) -> None:
        """Say how the body comes."""
        answer = ctx.answer
        assert answer is not None
        key, salt = ctx.notes.pop(self.name)
        if ctx.code is not None or answer.status in (204, 304):
            return
        ctx.notes[self.name] = Sealer(key, RESPONSE + salt, ctx.tools.random)
        there = answer.header(b"content-encoding")
        answer.set_header("Content-Encoding", CODING if there is None else there + b", " + CODING)
        answer.remove_header("Accept-Ranges")
        tag = answer.header(b"etag")
        if tag is not None and not tag.startswith(b"W/"):
            answer.set_header("ETag", b"W/" + tag)  # the bytes are others each time

    def body_filter(self, ctx: Exchange, chunk: bytes, last: bool) -> bytes:
        """Encrypt as it streams."""
        sealer = ctx.notes.get(self.name)
        return chunk if sealer is None else sealer.seal(chunk, last)
