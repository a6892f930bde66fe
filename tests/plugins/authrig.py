"""A rig for auth plugins: what clients of several kinds get, and what upstreams are told of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edge.rig import Rig

from gwt.model.route import Access
from gwt.phase.plugin import Plugin

#: What a client says of itself, in vain.
SPOOFED = b"X-User-Id: mallory\r\nx_user_id: mallory\r\nX-User-Info: mallory\r\nConnection: X-User-Id\r\n"


def asked(*fields: bytes) -> bytes:
    """A request with these fields, and with what nobody believes."""
    return b"GET /x?y=1 HTTP/1.1\r\nHost: a.example\r\n" + SPOOFED + b"".join(one + b"\r\n" for one in fields) + b"\r\n"


def rig(kind: type[Plugin], conf: Mapping[str, Any], access: Access | None = None, **more: Any) -> Rig:
    """A gateway with one plugin; `tools` are further fields of Tools."""
    tools = more.pop("tools", {})
    made = Rig(kinds=[kind], access=access, **more)
    roster = made.surroundings.roster
    roster.tools = replace(roster.tools, **tools)
    made.configure(plugins={kind.name: conf})
    return made


def users(made: Rig) -> list[bytes | None]:
    """Who the upstream was told about, request by request; nothing of what clients said themselves came through."""
    for seen in made.seen:
        assert b"mallory" not in b"".join(value for _, value in seen.headers)
    return [seen.header(b"x-user-id") for seen in made.seen]
