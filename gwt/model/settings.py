"""The text of gateway.yaml -> Settings, with every problem told at once and in its place.

`Settings()` is the gateway without a file.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from gwt.model import options, units
from gwt.model.access import Reader, read_access, read_cidrs, read_plugins
from gwt.model.certificate import check_ciphers, read_name
from gwt.model.configfile import Form, read_mapping
from gwt.model.options import (
    AccessLog,
    CertificateFiles,
    ClientAuthFiles,
    Exchange,
    ExternalName,
    Identity,
    Limits,
    Listeners,
    Paths,
    ServiceProxy,
    Settings,
    Tls,
    UpstreamTls,
)
from gwt.model.route import Problem
from gwt.model.secret import ReadFile, Secret, mask_url, reveal
from gwt.model.validate import Trail

__all__ = [
    "AccessLog", "CertificateFiles", "ClientAuthFiles", "Exchange", "ExternalName", "Identity", "Limits", "Listeners",
    "Paths", "Secret", "ServiceProxy", "Settings", "Tls", "UpstreamTls", "load_settings", "reveal",
]  # fmt: skip

T = TypeVar("T")

STORES = ("file:", "memory:", "redis://", "rediss://", "redis+unix://", "redis+sentinel://", "etcd://", "etcds://")
#: The port of DNS servers.
DNS = 53
_GLOB = re.compile(r"[a-z0-9*?\[\]!-]+/[a-z0-9*?\[\]!-]+")


def load_settings(
    text: str, file: str, env: Mapping[str, str], read_file: ReadFile | None = None
) -> tuple[Settings | None, list[Problem]]:
    """The Settings of the text of `file`, or None, and its problems (with Settings: warnings only).

    `${env:}` is looked up in `env`; `${file:}` is read by `read_file`, by default relative to the folder of `file`.
    """
    form = Form("gateway.yaml", Settings(file=file), options.check(), _settings)
    return read_mapping(text, file, env, read_file, form)


def _settings(reader: Reader, value: dict[str, Any], file: str) -> Settings:
    found: dict[str, Any] = {"file": file}
    for key, item in value.items():
        convert = _PARTS.get(key)
        found[key] = convert(reader, item, (None, key)) if convert else item
    settings = Settings(**found)
    _check_identity(reader, settings)
    return settings


def part(cls: type[T], convert: Mapping[str, Any]) -> Any:
    def read(reader: Reader, value: dict[str, Any], trail: Trail) -> T:
        return cls(
            **{key: convert[key](reader, item, (trail, key)) if key in convert else item for key, item in value.items()}
        )

    return read


def seconds(reader: Reader, value: Any, trail: Trail) -> float:
    return reader.take(units.duration, value, trail) or 0.0


def positive(reader: Reader, value: Any, trail: Trail) -> float:
    found = seconds(reader, value, trail)
    if not found:
        reader.fault(trail, f"must be more than 0, got {value}")
    return found


def _bytes(reader: Reader, value: Any, trail: Trail) -> int:
    size = reader.take(units.size, value, trail)
    if size is not None and size < 1024:
        reader.fault(trail, f"must be at least 1KiB, got {value}")
    return size or 0


def _whole(reader: Reader, value: Any, trail: Trail) -> int:
    return int(value)


def endpoints(reader: Reader, value: Any, trail: Trail) -> tuple[str, ...]:
    if value is None:
        return ()
    listed = [value] if isinstance(value, str) else value
    for index, text in enumerate(listed):
        if not re.match(r"[a-z][a-z0-9+-]*:", text):
            where = trail if isinstance(value, str) else (trail, index)
            reader.fault(where, f"expected an endpoint string such as tcp:9080 or unix:/run/gwt.sock, got {text!r}")
    return tuple(listed)


def _stream_listeners(reader: Reader, value: dict[str, Any], trail: Trail) -> dict[str, tuple[str, ...]]:
    for name in value:
        if not re.fullmatch(options.LISTENER_NAME, name):
            reader.fault((trail, name), f"{name!r} can't be a listener's name: a-z, 0-9, - and _", True)
    return {name: endpoints(reader, listed, (trail, name)) for name, listed in value.items()}


def texts(reader: Reader, value: Any, trail: Trail) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)


def cidrs(reader: Reader, value: list[str], trail: Trail) -> tuple[str, ...]:
    return read_cidrs(reader, value, trail, False)


def _servers(reader: Reader, value: list[str], trail: Trail) -> tuple[str, ...]:
    found = [reader.take(units.address, text, (trail, index), DNS) or "" for index, text in enumerate(value)]
    for index, text in enumerate(found):
        if text and not text.startswith("[") and not text.rpartition(":")[0].replace(".", "").isdigit():
            reader.fault(
                (trail, index), f"expected the address of a DNS server such as 10.0.0.10, got {value[index]!r}"
            )
    return tuple(found)


external_name = part(ExternalName, {"allow": texts, "deny_addresses": cidrs, "servers": _servers})


def _globs(reader: Reader, value: list[str], trail: Trail) -> tuple[str, ...]:
    for index, text in enumerate(value):
        if not _GLOB.fullmatch(text):
            reader.fault((trail, index), f"expected namespace/service, with * where any will do, got {text!r}")
    return tuple(value)


def _secret(reader: Reader, value: str | None, trail: Trail) -> Secret | None:
    return value if value is None or isinstance(value, Secret) else Secret(value)


def _keys(reader: Reader, value: list[str], trail: Trail) -> tuple[Secret, ...]:
    keys: dict[bytes, Secret] = {}
    for index, text in enumerate(value):
        try:
            raw = base64.b64decode(reveal(text), validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != 32:
            reader.fault((trail, index), "a key of `identity.keys` is the base64 of 32 bytes: openssl rand -base64 32")
        elif raw in keys:
            reader.fault((trail, index), "this key of `identity.keys` stands twice")
        keys[raw] = text if isinstance(text, Secret) else Secret(text)
    return tuple(keys.values())


def _http_url(reader: Reader, value: str, trail: Trail) -> str:
    reader.take(units.http_url, reveal(value), trail)
    return value


def _login_url(reader: Reader, value: str, trail: Trail) -> str:
    reader.take(units.login_url, reveal(value), trail)
    return value


def _cookie(reader: Reader, value: str, trail: Trail) -> str:
    reader.take(units.token, value, trail, "cookie")
    return value


def _store(reader: Reader, value: str, trail: Trail) -> str:
    if not value.startswith(STORES):
        reader.fault(trail, f"expected {', '.join(STORES[:-1])} or {STORES[-1]}, got {mask_url(value)!s}")
    return mask_url(value)


def _names(reader: Reader, value: list[str], trail: Trail) -> tuple[str, ...]:
    return tuple(reader.take(read_name, name, (trail, index)) or "" for index, name in enumerate(value))


def _certificates(reader: Reader, value: list[Any], trail: Trail) -> tuple[CertificateFiles, ...]:
    return tuple(_CERTIFICATE(reader, item, (trail, index)) for index, item in enumerate(value))


def _ciphers(reader: Reader, value: str, trail: Trail) -> str:
    reader.take(check_ciphers, value, trail)
    return value


def _upstream_tls(reader: Reader, value: dict[str, Any], trail: Trail) -> UpstreamTls:
    found = UpstreamTls(**value)
    if (found.cert is None) != (found.key is None):
        reader.fault(trail, "a client certificate takes both cert and key")
    if not found.verify and found.ca is not None:
        reader.fault((trail, "ca"), "ca says whom to believe, and verify: false to believe everybody", True)
    return found


def _workers(reader: Reader, value: Any, trail: Trail) -> int:
    return 0 if value == "auto" else int(value)


def _nothing_or(convert: Any) -> Any:
    return lambda reader, value, trail: None if value is None else convert(reader, value, trail)


def _check_identity(reader: Reader, settings: Settings) -> None:
    if settings.identity.mode == "exchange" and settings.identity.exchange is None:
        reader.fault((None, "identity"), "mode exchange needs exchange: {url: ...}")


_CLIENT_AUTH = _nothing_or(part(ClientAuthFiles, {}))
_CERTIFICATE = part(CertificateFiles, {"names": _names, "client_auth": _CLIENT_AUTH})

_PARTS: dict[str, Any] = {
    "listeners": part(Listeners, {
        **dict.fromkeys(("proxy", "service_proxy", "admin"), endpoints), "stream": _stream_listeners,
    }),
    "store": _store,
    "refresh": positive,
    "workers": _workers,
    "drain": seconds,
    "drain_delay": seconds,
    "shrink_hold": seconds,
    "trusted_proxies": cidrs,
    "plugins": texts,
    "plugin_path": texts,
    "global_plugins": read_plugins,
    "debug_token": _secret,
    "admin_token": _secret,
    "metrics_token": _secret,
    "identity": part(Identity, {
        "cookie": _cookie,
        "keys": _keys,
        "login_url": _nothing_or(_login_url),
        "exchange": _nothing_or(part(Exchange, {
            "url": _http_url, "timeout": positive, "ttl": seconds, "grace": seconds,
        })),
    }),
    "service_proxy": part(ServiceProxy, {"allow": _globs, "deny": _globs}),
    "access": read_access,
    "paths": part(Paths, {}),
    "access_log": _nothing_or(part(AccessLog, {})),
    "limits": part(Limits, {
        "max_header_bytes": _bytes,
        "max_headers": _whole,
        "header_timeout": positive,
        "idle_timeout": positive,
        "max_connections": _whole,
        "max_streams": _whole,
    }),
    "tls": part(Tls, {
        "certificates": _certificates,
        "client_auth": _CLIENT_AUTH,
        "ciphers": _nothing_or(_ciphers),
        "handshake_timeout": positive,
        "upstream": _upstream_tls,
    }),
    "external_name": external_name,
}  # fmt: skip
