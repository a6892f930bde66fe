"""Guard: who may ask what of the admin listener. Pure: what a request says of itself in, a refusal or None out.

Without a token only this machine may ask, and a browser of this machine is not to ask on behalf of a page from
elsewhere: such a page can have its own name resolve to 127.0.0.1, so only names of this listener are accepted as Host.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address

from gwt.model.configfile import Objection
from gwt.model.secret import reveal

#: What anybody may ask, what the metrics token opens too, what only the admin token opens.
OPEN, METRICS, ADMIN = "open", "metrics", "admin"

SAFE_METHODS = frozenset((b"GET", b"HEAD", b"OPTIONS"))

#: Tokens that stand in documentation, here or elsewhere: everybody knows them.
EXAMPLES = frozenset((
    "admin", "changeme", "change-me", "change_me", "example", "password",
    "edd1c9f034335f136f87ad84b625c8f1", "4054f7cf07e344346cd3f287985e76a2",
))  # fmt: skip

_COLON = re.compile(r"(?<!\\):")


@dataclass(frozen=True, slots=True)
class Asking:
    """What counts of a request. `listener` is the address that it came to, None for a UNIX socket."""

    method: bytes
    host: str | None
    authorization: str | None
    origin: str | None
    listener: str | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """`status` and `code` of the answer, and why."""

    status: int
    code: str
    message: str


class Guard:
    """Holds digests of the tokens. Not set: "" or None."""

    def __init__(self, admin_token: str | None = None, metrics_token: str | None = None) -> None:
        self._admin, self._metrics = _digest(admin_token), _digest(metrics_token)

    def refusal(self, level: str, asking: Asking) -> Refusal | None:
        """Why `asking` may not have what needs `level`; None if it may."""
        if level == OPEN:
            return None
        able = [self._admin] if level == ADMIN else [self._admin, self._metrics]
        keys = [key for key in able if key is not None]
        if keys:
            return self._without_token(keys, asking.authorization)
        if asking.listener is not None and not _names(asking.host, asking.listener):
            named = "no Host" if asking.host is None else f"Host {asking.host!r}"
            return Refusal(403, "host", f"{named}: without admin_token ask for localhost or {asking.listener}")
        if asking.method not in SAFE_METHODS and not _same_origin(asking):
            return Refusal(403, "origin", "changes are not taken from pages of another origin")
        return None

    def _without_token(self, keys: list[bytes], authorization: str | None) -> Refusal | None:
        kind, _, given = (authorization or "").strip().partition(" ")
        digest = _digest(given.strip()) or b""
        # All are compared, whatever the first says.
        matches = [hmac.compare_digest(digest, key) for key in keys]
        if kind.lower() == "bearer" and any(matches):
            return None
        return Refusal(401, "auth", "this needs `Authorization: Bearer TOKEN` with the token of gateway.yaml")


def _digest(token: str | None) -> bytes | None:
    return sha256(reveal(token).encode("utf-8", "surrogateescape")).digest() if token else None


def _names(host: str | None, listener: str) -> bool:
    """Whether the Host field (a port aside) is a name of this machine's own, or the listener's address."""
    if host is None:
        return False
    name = re.sub(r":\d*\Z", "", host.strip().lower())
    name = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    return name in ("localhost", "127.0.0.1", "::1", listener.lower())


def _same_origin(asking: Asking) -> bool:
    """True where no browser sends it, or one on behalf of this very listener."""
    if asking.origin is None:
        return True
    return asking.origin.partition("://")[2].lower() == (asking.host or "").strip().lower()


def objection(listeners: tuple[str, ...], admin_token: str | None, metrics_token: str | None) -> Objection | None:
    """Why a gateway may not start with these admin listeners (endpoint strings) and tokens."""
    for name, token in (("admin_token", admin_token), ("metrics_token", metrics_token)):
        if token is not None and not reveal(token).strip():
            return Objection((name,), f"{name} is empty: anybody could give it")
        if token is not None and reveal(token).lower() in EXAMPLES:
            said = f"{name} is an example that everybody knows: `openssl rand -hex 32` makes one"
            return Objection((name,), said)
    for index, text in enumerate(listeners):
        if not admin_token and beyond_loopback(text):
            said = f"listeners.admin: {text} can be reached from other machines: that needs an admin_token"
            return Objection(("listeners", "admin", index), said)
    return None


def beyond_loopback(text: str) -> bool:
    """Whether other machines may reach the endpoint; True for what can't be told from its text (systemd:, fd:)."""
    kind, *rest = _COLON.split(text)
    while kind in ("haproxy", "tls") and rest:
        kind, *rest = rest
    if kind == "unix":
        return False
    if kind not in ("tcp", "tcp4", "tcp6", "ssl"):
        return True
    interface = next((part.partition("=")[2] for part in rest if part.startswith("interface=")), None)
    if interface is None:  # the third place of a tcp endpoint
        interface = rest[1] if len(rest) > 1 and "=" not in rest[1] else ""
    interface = interface.replace("\\:", ":")
    try:
        return interface != "localhost" and not ip_address(interface).is_loopback
    except ValueError:
        return True
