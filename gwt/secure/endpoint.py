"""Endpoint strings of listeners that speak TLS: `tls:9443`, or `ssl:9443:privateKey=...:certKey=...`.

Both take `interface` and `backlog` as `tcp:` does. With `certKey` (and `privateKey`, if it is not in the same file) the
listener serves that certificate whatever name is asked for; without, those of `tls:` in gateway.yaml and of the store.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.endpoints import _parse

_OPTIONS = {"interface", "backlog", "privateKey", "certKey", "port"}


@dataclass(frozen=True, slots=True)
class TlsEndpoint:
    """Where to listen. `cert` and `key` are paths, None where the certificates are those of the gateway."""

    port: int
    interface: str = ""
    backlog: int = 0
    cert: str | None = None
    key: str | None = None


def read_tls_endpoint(text: str) -> TlsEndpoint | None:
    """The endpoint that `text` means; None where it is no TLS endpoint of ours. ValueError where it is a wrong one."""
    kind, _, rest = text.partition(":")
    if kind not in ("tls", "ssl") or not (rest[:1].isdigit() or kind == "ssl"):
        return None
    arguments, options = _parse(rest)
    unknown = options.keys() - _OPTIONS
    if unknown:
        raise ValueError(f"{kind}: takes no {', '.join(sorted(unknown))}; certificates are configured in `tls`")
    said = [*arguments, *([options["port"]] if "port" in options else [])]
    if len(said) != 1 or not said[0].isascii() or not said[0].isdigit() or int(said[0]) > 65535:
        raise ValueError(f"expected {kind}:PORT with a port of 0 to 65535")
    cert = options.get("certKey", options.get("privateKey"))
    key = options.get("privateKey", cert)
    backlog = options.get("backlog", "0")
    if not backlog.isdigit():
        raise ValueError(f"backlog is a number, not {backlog!r}")
    return TlsEndpoint(int(said[0]), options.get("interface", ""), int(backlog), cert, key)
