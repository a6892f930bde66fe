"""A request as conditions see it, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class View:
    method: bytes = b"GET"
    host: bytes = b"a.example"
    path: bytes = b"/"
    client: str = "10.0.0.1"
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    args: Mapping[bytes, bytes] = field(default_factory=dict)
    cookies: Mapping[bytes, bytes] = field(default_factory=dict)

    def header(self, name_lower: bytes) -> bytes | None:
        return self.headers.get(name_lower)

    def arg(self, name: bytes) -> bytes | None:
        return self.args.get(name)

    def cookie(self, name: bytes) -> bytes | None:
        return self.cookies.get(name)
