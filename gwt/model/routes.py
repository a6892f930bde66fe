"""A Route document, from checked plain values to a Route: every check that a JSON Schema can't make."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gwt.model import pattern, units
from gwt.model.access import Reader, read_cidrs, read_level, read_plugins
from gwt.model.certificate import read_bundle, read_name
from gwt.model.forms import ENCRYPTED
from gwt.model.route import NO_ACCESS, Balance, Env, Path, Rewrite, Route, Service, ServiceTls, Source
from gwt.model.validate import Trail, describe

_PLACEHOLDER = re.compile(r"\{[A-Za-z_][A-Za-z0-9_-]*\}")
_SEGMENT = re.compile(r"[^{}]*|" + _PLACEHOLDER.pattern)
_VARIABLE = re.compile(r"method|host|uri|remote_addr|(?:arg|http|cookie)_\S+")
#: Shared by all paths without such conditions.
_NONE: Mapping[str, str] = {}
_SERVICES: Trail = (None, "services")
_BALANCES = {name: Balance(name) for name in ("round_robin", "sticky", "least_conn", "p2c")}
_PRINTABLE = re.compile(r"/[^\x00-\x20\x7f-\x9f\\]*")
#: What needs no closer look, in any match but regex.
_PLAIN_URI = re.compile(r"/[A-Za-z0-9._~/-]*")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})|%(?:[01][0-9a-fA-F]|5[cC]|7[fF])")


def read_route(reader: Reader, value: dict[str, Any], source: Source, namespace: str | None = None) -> Route:
    """The Route of a document that has passed the schema; `namespace` is the default (that of a ConfigMap)."""
    name = value.get("name")
    if name is None:
        name = source.identity
    elif reader.take(units.printable, name, (None, "name"), "a name") is None:
        name = source.identity
    envs = read_envs(reader, value["envs"]) if "envs" in value else ()
    hosts = read_hosts(reader, value["hosts"], (None, "hosts"))
    check_marks(reader, hosts, envs)
    own = value.get("namespace")
    if own is not None:
        reader.take(units.label, own, (None, "namespace"), "namespace")
    return Route(
        name,
        hosts,
        own or namespace,
        envs,
        read_level(reader, value, None),
        read_plugins(reader, value["plugins"], (None, "plugins")) if "plugins" in value else (),
        _services(reader, value["services"]),
        source,
    )


def read_hosts(reader: Reader, value: list[str], trail: Trail) -> tuple[str, ...]:
    """Host patterns in canonical form; one that stands twice is told once."""
    hosts: list[str] = []
    for index, text in enumerate(value):
        try:
            name = units.host(text)
        except ValueError as error:
            reader.fault((trail, index), str(error))
            continue
        if name in hosts:
            reader.warn((trail, index), f"host {name} stands twice")
        else:
            hosts.append(name)
    return tuple(hosts)


def read_envs(reader: Reader, value: Any) -> tuple[Env, ...]:
    """What {mark} stands for, and where services are looked up then."""
    envs: list[Env] = []
    for index, item in enumerate(value):
        trail = ((None, "envs"), index)
        mark, namespace = item.get("mark") or "", item.get("namespace")
        reader.take(units.mark, mark, (trail, "mark"))
        if namespace is not None:
            reader.take(units.label, namespace, (trail, "namespace"), "namespace")
        if any(env.mark == mark for env in envs):
            reader.fault((trail, "mark"), f"mark {mark!r} stands twice")
        envs.append(Env(mark, namespace))
    return tuple(envs)


def check_marks(reader: Reader, hosts: tuple[str, ...], envs: tuple[Env, ...]) -> None:
    """Whether all that {mark} stands for makes host names."""
    marked = [host for host in hosts if units.MARK in host]
    if marked and not envs:
        reader.fault((None, "hosts"), f"{marked[0]} has {{mark}}, but there are no envs to say what it stands for")
    for host in marked:
        for index, env in enumerate(envs):
            text = host.replace(units.MARK, env.mark)
            try:
                units.host(text)
            except ValueError:
                reader.fault(
                    ((None, "envs"), index), f"mark {env.mark!r} makes {text!r} of {host}, which is no host name"
                )


def _services(reader: Reader, items: list[dict[str, Any]]) -> tuple[Service, ...]:
    return tuple([_service(reader, items, index, (_SERVICES, index)) for index in range(len(items))])


def read_target(reader: Reader, value: dict[str, Any], trail: Trail) -> Service:
    """The Service that a mapping names, and how it is balanced; nothing of requests."""
    name, port, kind = value.get("name"), value.get("port"), value.get("balance", "round_robin")
    if name is None or value.get("upstream") is not None:
        _check_target(reader, value, trail)
    else:
        _check_named(reader, value, name, port, trail)
    return Service(
        name,
        value.get("upstream"),
        port=int(port) if isinstance(port, float) else port,
        namespace=value.get("namespace"),
        balance=_BALANCES[kind] if isinstance(kind, str) else _sticky(reader, kind["sticky"], (trail, "balance")),
    )


def _service(reader: Reader, items: list[dict[str, Any]], index: int, trail: Trail) -> Service:
    value = items[index]
    get = value.get
    name, upstream, resource, port = get("name"), get("upstream"), get("resource"), get("port")
    if name is None or upstream is not None or resource is not None:
        _check_target(reader, value, trail)
    else:
        _check_named(reader, value, name, port, trail)
    balance = get("balance", "round_robin")
    return Service(
        name,
        upstream,
        resource,
        int(port) if isinstance(port, float) else port,
        get("namespace"),
        get("protocol", "http"),
        _BALANCES[balance] if isinstance(balance, str) else _sticky(reader, balance["sticky"], (trail, "balance")),
        _host_mode(reader, value["host"], (trail, "host")) if "host" in value else "preserve",
        read_level(reader, value, trail),
        read_plugins(reader, value["plugins"], (trail, "plugins")) if "plugins" in value else (),
        _paths(reader, value["paths"], (trail, "paths")),
        reader.line(trail, items),
        _tls(reader, value, (trail, "tls")) if value.get("tls") is not None else None,
    )


def _tls(reader: Reader, owner: dict[str, Any], trail: Trail) -> ServiceTls:
    value = owner["tls"]
    protocol = owner.get("protocol", "http")
    if protocol not in ENCRYPTED:
        reader.fault(trail, f"tls goes with protocol {', '.join(sorted(ENCRYPTED))}, not with {protocol}", True)
    ca, name = value.get("ca"), value.get("server_name")
    if ca is not None:
        ca = reader.take(read_bundle, ca, (trail, "ca"))
        if value.get("verify") is False:
            reader.fault((trail, "ca"), "ca says whom to believe, and verify: false to believe everybody", True)
    if name is not None and (reader.take(read_name, name, (trail, "server_name")) or "").startswith("*"):
        reader.fault((trail, "server_name"), "the name that a server must bear is one name, without *")
    return ServiceTls(value.get("verify"), ca, name, value.get("certificate"))


def _check_named(reader: Reader, value: dict[str, Any], name: str, port: Any, trail: Trail) -> None:
    reader.take(units.label, name, (trail, "name"), "service name")
    if port is None:
        reader.fault(trail, "a service with a name needs its port, a number or a port's name")
    elif isinstance(port, str):
        _port_name(reader, port, (trail, "port"))
    if value.get("namespace") is not None:
        reader.take(units.label, value["namespace"], (trail, "namespace"), "namespace")


def _check_target(reader: Reader, value: dict[str, Any], trail: Trail) -> None:
    given = [key for key in ("name", "upstream", "resource") if value.get(key) is not None]
    if len(given) != 1:
        what = "both " + " and ".join(given) if given else "none of them"
        reader.fault(trail, f"a service takes exactly one of name, upstream and resource; this one has {what}")
        return
    for key in ("port", "namespace"):
        if value.get(key) is not None:
            reader.fault((trail, key), f"{key} goes with a service's name, not with {given[0]}", True)
    reader.take(units.printable, value[given[0]], (trail, given[0]), given[0])


def _port_name(reader: Reader, port: str, trail: Trail) -> None:
    if port.isascii() and port.isdigit():
        reader.fault(trail, f"{port!r} is a text, and a port's number is none: write {int(port)} without quotes")
    elif len(port) > 63 or not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", port):
        reader.fault(trail, f"{port!r} is not a port's name: a-z, 0-9 and -, at most 63 characters")


def _sticky(reader: Reader, value: Any, trail: Trail) -> Balance:
    if isinstance(value, str):
        return Balance("sticky", value)
    if len(value) != 1:
        reader.fault((trail, "sticky"), "sticky takes one of header and cookie")
        return Balance("sticky")
    by, name = next(iter(value.items()))
    reader.take(units.token, name, ((trail, "sticky"), by), by)
    return Balance("sticky", by, name)


def _host_mode(reader: Reader, value: str, trail: Trail) -> str:
    if value in ("preserve", "upstream"):
        return value
    try:
        if (
            units.host(value.partition(":")[0] if not value.startswith("[") else value).startswith("*")
            or units.MARK in value
        ):
            raise ValueError
    except ValueError:
        reader.fault(trail, f"expected preserve, upstream or a host name, got {value!r}")
    return value


def _paths(reader: Reader, items: list[dict[str, Any]], trail: Trail) -> tuple[Path, ...]:
    return tuple([_path(reader, items, index, (trail, index)) for index in range(len(items))])


def _path(reader: Reader, items: list[dict[str, Any]], index: int, trail: Trail) -> Path:
    value = items[index]
    uri, match = value["uri"], value.get("match", "prefix")
    line = reader.line(trail, items)
    if match == "regex" or not _PLAIN_URI.fullmatch(uri):
        _check_uri(reader, uri, match, (trail, "uri"))
    if len(value) == 1:
        return Path(uri, "prefix", (), _NONE, _NONE, _NONE, (), (), 0, None, NO_ACCESS, (), line)
    return Path(
        uri,
        match,
        _methods(reader, value.get("methods", ()), (trail, "methods")),
        _matches(reader, value.get("headers"), (trail, "headers"), "header"),
        _matches(reader, value.get("args"), (trail, "args"), None),
        _matches(reader, value.get("cookies"), (trail, "cookies"), "cookie"),
        read_cidrs(reader, value["remote_addrs"], (trail, "remote_addrs"), False) if "remote_addrs" in value else (),
        tuple([_variable(reader, item, ((trail, "vars"), index)) for index, item in enumerate(value.get("vars", ()))]),
        int(value.get("priority", 0)),
        _rewrite(reader, value.get("rewrite"), match, (trail, "rewrite")),
        read_level(reader, value, trail),
        read_plugins(reader, value.get("plugins"), (trail, "plugins")),
        line,
    )


def _check_uri(reader: Reader, uri: str, match: str, trail: Trail) -> None:
    if match == "regex":
        reader.take(pattern.check, uri, trail)
        if not uri.isascii():
            reader.fault(trail, "a regex sees the %-encoded path: write %C3%A9 for \u00e9")
    elif not uri.startswith("/"):
        hint = "; match: regex takes patterns" if uri[:1] in "^.(" else f"; write /{uri.lstrip('/')}"
        reader.fault(trail, f"a uri starts with /, got {uri!r}{hint}")
    elif "?" in uri or "#" in uri:
        reader.fault(trail, f"a uri is a path without query or fragment, got {uri!r}; args takes conditions on a query")
    elif ";" in uri or "%3b" in uri.lower():
        reader.fault(trail, f"a uri holds no ;, since the parameters of segments are ignored in matching; got {uri!r}")
    elif not _PRINTABLE.fullmatch(uri) or ("%" in uri and _BAD_ESCAPE.search(uri)):
        reader.fault(trail, f"a uri holds no blanks, control characters, \\ or broken escapes, got {uri!r}")
    elif "{" in uri or "}" in uri:
        _check_template(reader, uri, match, trail)


def _check_template(reader: Reader, uri: str, match: str, trail: Trail) -> None:
    names: set[str] = set()
    for segment in uri.split("/"):
        if match != "template":
            if _PLACEHOLDER.fullmatch(segment):
                reader.fault(trail, f"{segment} is a placeholder: that needs match: template")
        elif not _SEGMENT.fullmatch(segment):
            reader.fault(trail, f"{segment!r}: a placeholder is a word and takes a whole segment, as in /users/{{id}}")
        elif segment.startswith("{"):
            if segment in names:
                reader.warn(trail, f"{segment} stands twice in {uri}")
            names.add(segment)


def _methods(reader: Reader, value: Any, trail: Trail) -> tuple[str, ...]:
    for index, method in enumerate(value):
        if method != method.upper():
            reader.fault((trail, index), f"methods are upper case: did you mean {method.upper()!r}?")
        else:
            reader.take(units.token, method, (trail, index), "method")
    return tuple(value)


def _matches(reader: Reader, value: dict[str, str] | None, trail: Trail, what: str | None) -> Mapping[str, str]:
    if not value:
        return _NONE
    seen: dict[str, str] = {}
    for name in value:
        if what is not None:
            reader.take(units.token, name, (trail, name), what)
        folded = name.lower() if what == "header" else name
        if folded in seen:
            reader.fault((trail, name), f"{name} is the same header as {seen[folded]}", True)
        seen[folded] = name
    return dict(value)


def _variable(reader: Reader, value: list[Any], trail: Trail) -> tuple[str, str, Any]:
    name, operator, operand = value
    if not _VARIABLE.fullmatch(name):
        reader.fault(
            (trail, 0), f"unknown variable {name!r}: arg_*, http_*, cookie_*, method, host, uri or remote_addr"
        )
    where = (trail, 2)
    if operator == "in" and not isinstance(operand, list):
        reader.fault(where, f"in takes a list, got {describe(operand)}")
    elif operator != "in" and isinstance(operand, list):
        reader.fault(where, f"{operator} takes one value, got a list")
    elif operator in (">", ">=", "<", "<=") and not _is_number(operand):
        reader.fault(where, f"{operator} compares numbers, got {describe(operand)}")
    elif operator == "~~":
        if isinstance(operand, str):
            reader.take(pattern.check, operand, where)
        else:
            reader.fault(where, f"~~ takes a regular expression, got {describe(operand)}")
    return name, operator, tuple(operand) if isinstance(operand, list) else operand


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"[-+]?[0-9]+(\.[0-9]+)?", value) is not None
    return not isinstance(value, bool)


def _rewrite(reader: Reader, value: dict[str, Any] | None, match: str, trail: Trail) -> Rewrite | None:
    if value is None:
        return None
    given = {key: item for key, item in value.items() if item is not None}
    if len(given) != 1:
        reader.fault(
            trail, f"rewrite takes exactly one of strip, prefix and regex; this one has {' and '.join(given) or 'none'}"
        )
        return None
    ((kind, item),) = given.items()
    where = (trail, kind)
    if kind == "regex":
        return _substitution(reader, item, where)
    if not _PRINTABLE.fullmatch(item) or "?" in item or "#" in item or "\\" in item:
        reader.fault(where, f"{kind} takes a path that starts with /, got {item!r}")
    return Rewrite(item) if kind == "strip" else Rewrite(None, item)


def _substitution(reader: Reader, value: list[str], trail: Trail) -> Rewrite:
    source, target = value
    compiled = reader.take(pattern.check, source, (trail, 0))
    if compiled is not None:
        try:
            pattern.check_replacement(compiled, target)
        except ValueError as error:
            reader.fault((trail, 1), str(error))
    return Rewrite(regex=(source, target))
