"""How documents write what the dataclasses of `model.route` hold: the schemas that annotations alone do not give.

Short forms (a number for a timeout, a word for a balancer), mappings that become tuples (`plugins`), bounds.
"""

from __future__ import annotations

from gwt.model import route
from gwt.model.derive import DURATION, SIZE, Schema, nullable

OPERATORS = ("==", "~=", ">", ">=", "<", "<=", "in", "~~", "has")
#: What is spoken to endpoints over TLS.
ENCRYPTED = frozenset(("https", "h2", "grpcs"))
#: What is spoken by HTTP/2; those for gRPC are the same by another name.
FRAMED = frozenset(("h2c", "h2", "grpc", "grpcs"))
PROTOCOLS = ("http", "https", "h2c", "h2", "grpc", "grpcs")

TEXT: Schema = {"type": "string", "minLength": 1}
_TEXTS: Schema = {"type": "array", "items": TEXT}
_PORT: Schema = {"title": "a port (1 to 65535) or a port's name", "type": ["integer", "string"], "minimum": 1,
                 "maximum": 65535, "minLength": 1}  # fmt: skip
_CIDRS: Schema = {
    "type": "array",
    "items": {"type": "string", "title": 'an address or CIDR, or "@list"', "minLength": 1},
}
PLUGINS: Schema = {
    "type": "object",
    "title": "the plugins",
    "additionalProperties": {
        "title": "a plugin's configuration, or false",
        "anyOf": [{"type": "object"}, {"enum": [False]}],
    },
}
_MATCHES: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_BALANCE: Schema = {
    "title": "round_robin, sticky, least_conn, p2c or {sticky: user|ip|{header: N}|{cookie: N}}",
    "anyOf": [
        {"enum": ["round_robin", "sticky", "least_conn", "p2c"]},
        {
            "type": "object", "title": "balance", "additionalProperties": False, "required": ["sticky"],
            "properties": {"sticky": {"title": "user, ip, {header: NAME} or {cookie: NAME}", "anyOf": [
                {"enum": ["user", "ip"]},
                {"type": "object", "title": "sticky", "additionalProperties": False, "minProperties": 1,
                 "properties": {"header": TEXT, "cookie": TEXT}},
            ]}},
        },
    ],
}  # fmt: skip
_TIMEOUT_PARTS: Schema = {
    "type": "object", "title": "a timeout", "additionalProperties": False,
    "properties": {
        "connect": DURATION, "first_byte": DURATION, "read": DURATION, "total": nullable(DURATION),
    },
}  # fmt: skip
_TIMEOUT: Schema = {
    "title": "a duration such as 10, 10s, 500ms or 1m, or a mapping of connect, first_byte, read, total",
    "anyOf": [DURATION, _TIMEOUT_PARTS, {"type": "null"}],
}
_VARS: Schema = {
    "type": "array",
    "items": {"type": "array", "title": "a condition [variable, operator, value]", "minItems": 3, "maxItems": 3,
              "items": [TEXT, {"enum": list(OPERATORS)},
                        {"title": "a text, a number, true or false, or a list of them",
                         "anyOf": [{"type": ["string", "number", "boolean"]},
                                   {"type": "array", "items": {"type": ["string", "number", "boolean"]}}]}]},
}  # fmt: skip

FORMS: dict[tuple[type, str], Schema | None] = {
    (route.Route, "name"): TEXT,
    (route.Route, "hosts"): {**_TEXTS, "minItems": 1, "title": "hosts"},
    (route.Route, "plugins"): PLUGINS,
    (route.Route, "services"): {
        "type": "array",
        "minItems": 1,
        "title": "services",
        "items": {"$ref": "#/definitions/Service"},
    },
    (route.Route, "source"): None,
    (route.Route, "stream"): None,  # such a document has a schema of its own
    (route.Env, "mark"): nullable({"type": "string"}),
    (route.Service, "port"): nullable(_PORT),
    (route.Service, "protocol"): {"enum": list(PROTOCOLS)},
    (route.Service, "balance"): _BALANCE,
    (route.Service, "host"): TEXT,
    (route.Service, "plugins"): PLUGINS,
    (route.Service, "paths"): {
        "type": "array",
        "minItems": 1,
        "title": "paths",
        "items": {"$ref": "#/definitions/Path"},
    },
    (route.Service, "line"): None,
    (route.ServiceTls, "ca"): nullable(TEXT),
    (route.ServiceTls, "server_name"): nullable(TEXT),
    (route.ServiceTls, "certificate"): nullable(TEXT),
    (route.Path, "uri"): TEXT,
    (route.Path, "match"): {"enum": ["prefix", "exact", "regex", "template"]},
    (route.Path, "methods"): {"type": "array", "items": TEXT, "minItems": 1, "title": "methods"},
    (route.Path, "headers"): _MATCHES,
    (route.Path, "args"): _MATCHES,
    (route.Path, "cookies"): _MATCHES,
    (route.Path, "remote_addrs"): {**_TEXTS, "minItems": 1, "title": "remote_addrs"},
    (route.Path, "vars"): _VARS,
    (route.Path, "plugins"): PLUGINS,
    (route.Path, "line"): None,
    (route.Access, "auth_type"): {
        "title": "public, optional, login or a list of auth plugins",
        "anyOf": [TEXT, {**_TEXTS, "minItems": 1, "title": "auth_type"}],
    },
    (route.Access, "require"): nullable({"type": "object", "title": "require", "additionalProperties": {
        "title": "a list of values", "anyOf": [{**_TEXTS, "minItems": 1, "title": "a claim's values"}, TEXT]}}),
    (route.Access, "timeout"): _TIMEOUT,
    (route.Access, "rate_limits"): {"type": "array", "items": {"$ref": "#/definitions/RateLimit"}},
    (route.Access, "ip_allow"): _CIDRS,
    (route.Access, "ip_deny"): _CIDRS,
    (route.Access, "retries"): nullable({"type": "integer", "minimum": 0, "maximum": 100}),
    (route.Access, "retry_buffer"): nullable(SIZE),
    (route.Access, "max_body"): nullable(SIZE),
    (route.Access, "max_message"): nullable(SIZE),
    (route.Access, "lines"): None,
    (route.RateLimit, "rate"): {"type": "integer", "minimum": 0, "maximum": 10**9},
    (route.RateLimit, "burst"): {"type": "integer", "minimum": 0, "maximum": 10**9},
    (route.RateLimit, "selectors"): {"type": "array", "items": {"enum": ["ip", "user", "service", "path"]}},
    (route.RateLimit, "fail"): {"enum": ["local", "open", "closed"]},
    (route.Rewrite, "regex"): nullable({"type": "array", "title": "regex: [from, to]", "minItems": 2, "maxItems": 2,
                                        "items": [TEXT, {"type": "string"}]}),
    (route.Rule, "host"): TEXT,
    (route.Rule, "url"): TEXT,
    (route.Rule, "action"): {"enum": ["forward", "deny", "redirect"]},
    (route.Rule, "code"): {"enum": [301, 302, 303, 307, 308]},
    (route.Rule, "source"): None,
    (route.EndpointSpec, "address"): TEXT,
    (route.EndpointSpec, "weight"): {"type": "integer", "minimum": 0, "maximum": 65535},
}  # fmt: skip
EXTRA: dict[type, dict[str, Schema]] = {cls: {"timeout": _TIMEOUT} for cls in (route.Route, route.Service, route.Path)}
REQUIRED: dict[type, tuple[str, ...]] = {
    route.Route: ("hosts", "services"),
    route.Env: ("mark",),
    route.Service: ("paths",),
    route.Path: ("uri",),
    route.RateLimit: ("rate",),
    route.Rule: ("url", "action"),
    route.EndpointSpec: ("address",),
}
