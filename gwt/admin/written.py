"""A Route as a document again: what an operator could have written for it. Defaults are left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gwt.model.route import NO_ACCESS, Access, Balance, Path, PluginUse, RateLimit, Rewrite, Route, Service, Timeout


def document(route: Route) -> dict[str, Any]:
    """The document of `route`; read again it is the same Route, but for its lines."""
    told: dict[str, Any] = {"name": route.name}
    if route.stream is not None:
        told["stream"] = route.stream.listener
        _put(told, "proxy_protocol", route.stream.proxy_protocol)
        _put(told, "max_connections", route.stream.max_connections)
    _put(told, "namespace", route.namespace)
    told["hosts"] = list(route.hosts)
    _put(told, "envs", [{"mark": env.mark, **_some("namespace", env.namespace)} for env in route.envs])
    _level(told, route.access, route.plugins)
    told["services"] = [_service(service) for service in route.services]
    return told


def _some(key: str, value: Any) -> dict[str, Any]:
    return {} if value is None else {key: value}


def _put(told: dict[str, Any], key: str, value: Any, default: Any = None) -> None:
    """Tell `value` unless it says nothing."""
    if value is not None and value != default and (value or not isinstance(value, list | dict)):
        told[key] = value


def _level(told: dict[str, Any], access: Access, plugins: tuple[PluginUse, ...]) -> None:
    if access is not NO_ACCESS:
        _put(told, "access", _access(access))
    if plugins:
        told["plugins"] = {use.name: False if use.conf is None else use.conf for use in plugins}


def _service(service: Service) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for key in ("name", "upstream", "resource", "port", "namespace"):
        _put(told, key, getattr(service, key))
    _put(told, "protocol", service.protocol, "http")
    _put(told, "balance", _balance(service.balance), "round_robin")
    _put(told, "host", service.host, "preserve")
    if service.tls is not None:
        told["tls"] = {key: getattr(service.tls, key) for key in ("verify", "ca", "server_name", "certificate")
                       if getattr(service.tls, key) is not None}  # fmt: skip
    _level(told, service.access, service.plugins)
    _put(told, "paths", [_path(path) for path in service.paths])
    return told


def _balance(balance: Balance) -> Any:
    if balance.by is None:
        return balance.kind
    return {"sticky": balance.by if balance.name is None else {balance.by: balance.name}}


def _path(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = {"uri": path.uri}
    _put(told, "match", path.match, "prefix")
    _put(told, "methods", list(path.methods))
    for key, conditions in (("headers", path.headers), ("args", path.args), ("cookies", path.cookies)):
        if conditions:
            told[key] = dict(conditions)
    _put(told, "remote_addrs", list(path.remote_addrs))
    _put(told, "vars", [_plain(condition) for condition in path.vars])
    _put(told, "priority", path.priority, 0)
    if path.rewrite is not None:
        told["rewrite"] = _rewrite(path.rewrite)
    _level(told, path.access, path.plugins)
    return told


def _rewrite(rewrite: Rewrite) -> dict[str, Any]:
    regex = None if rewrite.regex is None else list(rewrite.regex)
    return {**_some("strip", rewrite.strip), **_some("prefix", rewrite.prefix), **_some("regex", regex)}


def _access(access: Access) -> dict[str, Any]:
    """What this level says, empty lists included: they mean something."""
    told: dict[str, Any] = {**_some("auth_type", _plain(access.auth_type)), **_some("require", _plain(access.require))}
    if access.timeout is not None:
        told["timeout"] = _timeout(access.timeout)
    if access.rate_limits is not None:
        told["rate_limits"] = [_limit(limit) for limit in access.rate_limits]
    for key in ("ip_allow", "ip_deny", "retries", "retry_buffer", "max_body", "max_message"):
        told.update(_some(key, _plain(getattr(access, key))))
    return told


def _limit(limit: RateLimit) -> dict[str, Any]:
    told: dict[str, Any] = {"rate": limit.rate, "burst": limit.burst}
    _put(told, "selectors", list(limit.selectors))
    if limit.fail != "local":
        told["fail"] = limit.fail
    return told


def _timeout(timeout: Timeout) -> Any:
    """N where that is how it can be said, else the parts."""
    n = timeout.first_byte
    if timeout == Timeout(min(5.0, n), n, n):
        return _number(n)
    parts = {"connect": timeout.connect, "first_byte": n, "read": timeout.read, "total": timeout.total}
    return {key: _number(value) for key, value in parts.items() if value is not None}


def _number(seconds: float) -> float:
    return int(seconds) if seconds == int(seconds) else seconds


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value
