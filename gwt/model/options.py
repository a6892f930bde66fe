"""gateway.yaml as values: every key with its default. `model.settings` reads them; import them from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Final, Literal

from gwt.model.derive import DURATION, SIZE, Deriver, Schema, nullable
from gwt.model.forms import FORMS, PLUGINS, REQUIRED
from gwt.model.route import NO_ACCESS, Access, PluginUse, RateLimit
from gwt.model.secret import MASK, Secret
from gwt.model.validate import Check, compile_schema

_TEXT: Schema = {"type": "string", "minLength": 1}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_LISTENER: Schema = {
    "title": "an endpoint string such as tcp:9080, a list of them, or null",
    "anyOf": [_TEXT, {**_TEXTS, "minItems": 1, "title": "a listener"}, {"type": "null"}],
}
#: What a listener of streams may be called.
LISTENER_NAME: Final = "^[a-z0-9][a-z0-9_-]{0,62}$"
_STREAM_LISTENERS: Schema = {
    "type": "object", "title": "listeners by name", "additionalProperties": _LISTENER,
    "propertyNames": {"pattern": LISTENER_NAME},
}  # fmt: skip
_EXCHANGE: Schema = {
    "title": "a mapping with url, or null",
    "anyOf": [{"$ref": "#/definitions/Exchange"}, {"type": "null"}],
}

_CLIENT_AUTH: Schema = {
    "title": "a mapping of mode and ca, or null",
    "anyOf": [{"$ref": "#/definitions/ClientAuthFiles"}, {"type": "null"}],
}
_CERTIFICATES: Schema = {
    "type": "array", "title": "certificates", "items": {"$ref": "#/definitions/CertificateFiles"},
}  # fmt: skip

Seconds = Annotated[float, DURATION]
Bytes = Annotated[int, SIZE]
Endpoints = Annotated[tuple[str, ...], _LISTENER]
Cidrs = Annotated[tuple[str, ...], _TEXTS]
Globs = Annotated[tuple[str, ...], _TEXTS]
Token = Annotated[Secret | None, nullable(_TEXT)]


#: How the roles of stream listeners begin.
STREAM: Final = "stream."


@dataclass(frozen=True, slots=True)
class Listeners:
    """Twisted endpoint strings, none where a listener is off; those of streams by name."""

    proxy: Endpoints = ("tcp:9080",)
    service_proxy: Endpoints = ()
    admin: Endpoints = ("tcp:9180:interface=127.0.0.1",)
    stream: Annotated[Mapping[str, tuple[str, ...]], _STREAM_LISTENERS] = field(default_factory=dict)

    def by_role(self) -> dict[str, tuple[str, ...]]:
        """All of them; the role of the stream listener NAME is `stream.NAME`."""
        streams = {f"{STREAM}{name}": texts for name, texts in self.stream.items()}
        return {"proxy": self.proxy, "service_proxy": self.service_proxy, **streams, "admin": self.admin}


@dataclass(frozen=True, slots=True)
class Exchange:
    """Where a session cookie is exchanged for claims. Seconds; `ttl` known answers are kept, `grace` stale ones."""

    url: Annotated[str, {**_TEXT, "pattern": "^https?://", "title": "an http(s) URL"}]
    timeout: Seconds = 0.5
    ttl: Seconds = 30.0
    grace: Seconds = 60.0


@dataclass(frozen=True, slots=True)
class Identity:
    """What login means: cookies that are opened (sealed) or exchanged."""

    cookie: Annotated[str, _TEXT] = "session"
    mode: Literal["sealed", "exchange"] = "sealed"
    keys: Annotated[tuple[Secret, ...], _TEXTS] = ()
    exchange: Annotated[Exchange | None, _EXCHANGE] = None
    login_url: Annotated[str | None, nullable(_TEXT)] = None
    strip_cookie: bool = False


@dataclass(frozen=True, slots=True)
class ServiceProxy:
    """Which services the service proxy may reach: namespace/service globs, deny wins."""

    allow: Globs = ("*/*",)
    deny: Globs = ("kube-system/*", "default/kubernetes")


@dataclass(frozen=True, slots=True)
class Paths:
    """How paths are normalised."""

    merge_slashes: bool = True
    escaped_slashes: Literal["auto", "keep", "reject"] = "auto"


@dataclass(frozen=True, slots=True)
class AccessLog:
    """Where the access log goes ("-" is stdout) and how its lines look."""

    path: Annotated[str, _TEXT] = "-"
    format: Literal["json", "combined"] = "json"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may take. Bytes and seconds."""

    max_header_bytes: Bytes = 32 * 1024
    max_headers: Annotated[int, {"type": "integer", "minimum": 1}] = 100
    header_timeout: Seconds = 10.0
    idle_timeout: Seconds = 75.0
    max_connections: Annotated[int, {"type": "integer", "minimum": 1}] = 100_000
    max_streams: Annotated[int, {"type": "integer", "minimum": 1}] = 1000


@dataclass(frozen=True, slots=True)
class ExternalName:
    """Which names ExternalName Services may point to, which addresses never, and which DNS servers are asked.

    `servers` are `IP:PORT`; none: those of this machine.
    """

    allow: Globs = ("*",)
    deny_addresses: Cidrs = ("127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10", "0.0.0.0/8")
    servers: Annotated[tuple[str, ...], _TEXTS] = ()


@dataclass(frozen=True, slots=True)
class ClientAuthFiles:
    """Clients show a certificate that an authority in the file `ca` has signed, if they have one or in any case."""

    mode: Literal["optional", "require"]
    ca: Annotated[str, _TEXT]


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """A certificate with its chain, its key, and the names that it is for (none: those that it bears)."""

    cert: Annotated[str, _TEXT]
    key: Annotated[str, _TEXT]
    names: Annotated[tuple[str, ...], _TEXTS] = ()
    client_auth: Annotated[ClientAuthFiles | None, _CLIENT_AUTH] = None


@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """How upstreams are known, and what is shown to them, where a service says nothing else. Files."""

    verify: bool = True
    ca: Annotated[str | None, nullable(_TEXT)] = None
    cert: Annotated[str | None, nullable(_TEXT)] = None
    key: Annotated[str | None, nullable(_TEXT)] = None


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS on listeners that say `tls:`, and to upstreams."""

    certificates: Annotated[tuple[CertificateFiles, ...], _CERTIFICATES] = ()
    directory: Annotated[str | None, nullable(_TEXT)] = None
    client_auth: Annotated[ClientAuthFiles | None, _CLIENT_AUTH] = None
    min_version: Literal["1.2", "1.3"] = "1.2"
    ciphers: Annotated[str | None, nullable(_TEXT)] = None
    unknown_names: Literal["default", "reject"] = "default"
    handshake_timeout: Seconds = 10.0
    upstream: UpstreamTls = UpstreamTls()


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole of gateway.yaml, checked. Durations in seconds, sizes in bytes, `workers` 0 for one a core.

    `listeners`' fields are tuples of endpoint strings; `access_log` is None where it is off; `file` is where
    it was read ("" for the defaults).
    """

    listeners: Listeners = Listeners()
    store: Annotated[str, _TEXT] = "file:./routes"
    refresh: Seconds = 1.0
    workers: Annotated[int, {"title": "a number of processes, or auto", "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": 1024}, {"enum": ["auto"]}]}] = 1  # fmt: skip
    drain: Seconds = 30.0
    drain_delay: Seconds = 0.0
    trusted_proxies: Cidrs = ()
    plugins: Annotated[tuple[str, ...] | None, nullable(_TEXTS)] = None
    plugin_path: Annotated[tuple[str, ...], _TEXTS] = ()
    global_plugins: Annotated[tuple[PluginUse, ...], PLUGINS] = ()
    resources: Mapping[str, Annotated[str, {
        "type": "string", "title": "package.module:factory",
        "pattern": r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_.]*$"}]] = field(default_factory=dict)  # fmt: skip
    debug_token: Token = None
    admin_token: Token = None
    metrics_token: Token = None
    identity: Identity = Identity()
    service_proxy: ServiceProxy = ServiceProxy()
    access: Access = NO_ACCESS
    paths: Paths = Paths()
    access_log: AccessLog | None = AccessLog()
    limits: Limits = Limits()
    external_name: ExternalName = ExternalName()
    shrink_hold: Seconds = 30.0
    tls: Tls = Tls()
    file: str = ""

    def dump(self) -> dict[str, Any]:
        """All settings as plain data, secrets masked: for logs and the admin listener."""
        dumped: dict[str, Any] = _plain(self)
        return dumped


#: Where something was written, and how: nobody asks for the one, and the other may hold secrets.
_HIDDEN: Final = ("lines", "line", "written")


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.shown
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value) if item.name not in _HIDDEN}
    if isinstance(value, Mapping):
        return {key: MASK if _sensitive(key) else _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value


_SENSITIVE: Final = ("secret", "password", "token", "keys", "users", "private")


def _sensitive(key: str) -> bool:
    return any(word in key.lower() for word in _SENSITIVE)


_REQUIRED: dict[type, tuple[str, ...]] = {
    Exchange: ("url",),
    ClientAuthFiles: ("mode", "ca"),
    CertificateFiles: ("cert", "key"),
}


@cache
def schema() -> tuple[Schema, dict[str, Schema]]:
    """The schema of gateway.yaml and the definitions to which it refers."""
    deriver = Deriver({**FORMS, (Settings, "file"): None}, {}, {**REQUIRED, **_REQUIRED})
    for cls in (Exchange, RateLimit, ClientAuthFiles, CertificateFiles):
        deriver.of_type(cls)
    return deriver.of_class(Settings), deriver.definitions


@cache
def check() -> Check:
    """The compiled check of gateway.yaml."""
    return compile_schema(*schema())
