"""Frames: a body sealed with AES-256-GCM as it streams, so that what is cut off, moved, doubled or changed is noticed.

A close relative of RFC 8188; docs/plugins-builtin.md has the format byte by byte, and a client.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC, HEADER, HEAD, TAG = b"GWT\x01", 24, 4, 16
#: Bytes of plaintext in a frame, at most; and what is added to its length where it is the last.
MOST, FINAL = 65536, 1 << 31
REQUEST, RESPONSE = b"gwt body-crypto 1 request", b"gwt body-crypto 1 response"


class Undecipherable(ValueError):
    """Bytes that no key here has sealed as they are; why is nobody's business."""


def _cipher(key: bytes, salt: bytes, info: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt, info).derive(key))


def key_id(key: bytes) -> bytes:
    """4 bytes by which a key is named."""
    return sha256(key).digest()[:4]


class Sealer:
    """Seals one message as it streams. `info` is REQUEST, or RESPONSE and the salt of the request (if it had one)."""

    def __init__(self, key: bytes, info: bytes, random: Callable[[int], bytes]) -> None:
        salt = random(16)
        self.header, self._number = MAGIC + key_id(key) + salt, 0
        self._encrypt = _cipher(key, salt, info).encrypt

    def seal(self, chunk: bytes, last: bool) -> bytes:
        """The frames of `chunk`; before the first of all the header."""
        out = [] if self._number or not (chunk or last) else [self.header]
        for start in range(0, max(len(chunk), int(last)), MOST):
            piece = chunk[start : start + MOST]
            head = (len(piece) + (FINAL if last and start + MOST >= len(chunk) else 0)).to_bytes(HEAD)
            out += (head, self._encrypt(self._number.to_bytes(12), piece, self.header + head))
            self._number += 1
        return b"".join(out)


def unseal(keys: Mapping[bytes, bytes], info: bytes, data: bytes) -> tuple[bytes, bytes, bytes]:
    """The message, its key (of `keys` by their ids) and its salt. Raises Undecipherable."""
    header, key = data[:HEADER], keys.get(data[4:8])
    if key is None or data[:4] != MAGIC or len(data) < HEADER:
        raise Undecipherable
    decrypt, at, final = _cipher(key, header[8:], info).decrypt, HEADER, False
    out: list[bytes] = []
    while not final:
        head = data[at : at + HEAD]
        final, length = int.from_bytes(head) >= FINAL, int.from_bytes(head) % FINAL
        end = at + HEAD + length + TAG
        if length > MOST or end > len(data):
            raise Undecipherable
        try:
            out.append(decrypt(len(out).to_bytes(12), data[at + HEAD : end], header + head))
        except InvalidTag:
            raise Undecipherable from None
        at = end
    if at != len(data):
        raise Undecipherable
    return b"".join(out), key, header[8:]
