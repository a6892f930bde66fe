"""Strategies for Hypothesis: what clients ask, what upstreams answer, and what operators write.

All of it is well-formed, and much of it unusual. What is refused for its syntax alone is no business of plugins.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from gwt.model.route import Access, EndpointSpec, Path, RateLimit, Rewrite, Route, Service, Source, Timeout
from gwt.phase.plugin import Plugin
from gwt.phase.plugintype import Misfit
from gwt.testing.client import Request
from gwt.testing.gateway import kind_of
from gwt.testing.schemas import of_schema
from gwt.testing.upstreams import Says

Strategy = st.SearchStrategy[Any]

NAMES = (
    "X-A", "x-test", "Accept", "Accept-Encoding", "Authorization", "Cookie", "Origin", "Referer", "User-Agent",
    "X-Forwarded-For", "X-Request-Id", "Content-Type", "If-None-Match", "Range", "apikey",
    "Access-Control-Request-Method",
)  # fmt: skip
VALUES = (
    "", "1", "-1", "a, b", "text/html", "application/grpc", "Basic YTpi", "Bearer a.b.c", "session=x; a=1", "%zz",
    "http://example.com", "gzip", "null", "0" * 30, "\xff\xfe", "a=b;c", "Basic \xff",
)  # fmt: skip
SEGMENTS = ("a", "b", "index.php", "%41", "a;b=c", "..a", "%c3%a9", "~", "a.b", "1")
METHODS = ("GET", "GET", "GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH")

_VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=12)
#: How bytes come in: the lengths of the first pieces; at times byte by byte.
pieces: Strategy = st.lists(st.integers(1, 60), max_size=6) | st.sampled_from([[1] * 600, [2] * 300, [3] * 200])
#: Bodies: texts that repeat themselves, and any bytes.
bodies: Strategy = st.one_of(
    st.just(b""),
    st.binary(max_size=64),
    st.lists(st.sampled_from([b"ab", b"a", b"<b>", b"\r\n"]), max_size=30).map(b"".join),
)


def values(words: Sequence[str] = ()) -> Strategy:
    """Values of headers, some of `words`, as bytes."""
    some = st.sampled_from([*VALUES, *words]) | st.sampled_from([*VALUES, *words]) | _VISIBLE
    return some.map(lambda text: text.strip(" \t").encode("latin-1", "replace"))


def headers(words: Sequence[str] = ()) -> Strategy:
    """Header lines; `words` that can be names are used as such."""
    names = [*NAMES, *[word for word in words if _is_name(word)] * 8]
    one = st.tuples(st.sampled_from(names).map(str.encode), values(words))
    return st.lists(one, max_size=5, unique_by=lambda pair: pair[0].lower()).map(tuple)


def _is_name(word: str) -> bool:
    ours = ("host", "connection", "content-length", "transfer-encoding", "expect", "upgrade", "te", "keep-alive")
    return bool(word) and word.isascii() and word.replace("-", "").isalnum() and word.lower() not in ours


def targets(words: Sequence[str] = ()) -> Strategy:
    """Paths with and without a query; `words` that are paths are used."""
    ours = [
        word for word in words if word.startswith("/") and word.isascii() and word.isprintable() and " " not in word
    ]
    plain = st.lists(st.sampled_from(SEGMENTS), max_size=4).map(lambda parts: "/" + "/".join(parts))
    path = plain | st.sampled_from(ours) if ours else plain
    pair = st.tuples(st.sampled_from(["a", "b", "apikey", "a%20b", ""]), st.sampled_from(["", "1", "%41", "+"]))
    pairs = st.lists(pair, max_size=6)
    query = pairs.map(lambda found: "&".join(f"{name}={value}" for name, value in found))
    return st.builds(lambda path, query: path if query is None else f"{path}?{query}", path, st.none() | query)


@st.composite
def requests(draw: st.DrawFn, words: Sequence[str] = (), whole: bool = True) -> Request:
    """Any Request. `words` are what a configuration holds: names, values and paths are often made of them.

    `whole`: it arrives in one piece.
    """
    method = draw(st.sampled_from(METHODS))
    body = draw(bodies) if method in ("POST", "PUT", "PATCH", "DELETE") else b""
    return Request(
        method, draw(targets(words)), draw(headers(words)), body,
        host=draw(st.sampled_from(["gateway.test", "a.example.com", "192.0.2.1:9080"])),
        pieces=() if whole else draw(pieces), chunked=bool(body) and draw(st.booleans()),
        client=draw(st.sampled_from(["192.0.2.7", "10.1.2.3", "2001:db8::7"])),
    )  # fmt: skip


@st.composite
def answers(draw: st.DrawFn, words: Sequence[str] = (), whole: bool = True) -> Says:
    """Any answer of an upstream."""
    return Says(
        draw(st.sampled_from([200, 200, 200, 201, 204, 301, 304, 404, 500])), draw(bodies), draw(headers(words)),
        () if whole else draw(pieces), draw(st.booleans()),
    )  # fmt: skip


def configurations(cls: type[Plugin]) -> Strategy:
    """Configurations that a plugin takes: those of its `examples`, and all that its schema allows and it accepts.

    Of what it refuses as a whole nothing is drawn; where that is nearly all, give the class `examples`.
    """
    kind = kind_of(cls)
    schema = kind.schema()
    properties = {name: one for name, one in schema["properties"].items() if name != "_meta"}
    examples = list(cls.examples)
    made = of_schema({**schema, "properties": properties})
    if examples:
        made = st.sampled_from(examples) | _changed(examples, properties, schema.get("definitions", {})) | made
    return made.filter(lambda conf: accepts(cls, conf))


def _changed(examples: Sequence[Mapping[str, Any]], properties: Mapping[str, Any], definitions: Any) -> Strategy:
    """An example with other values for some of its optional keys."""
    others = {name: of_schema({**one, "definitions": definitions}) for name, one in properties.items()}
    return st.builds(
        lambda example, more: {**example, **more},
        st.sampled_from(examples),
        st.sampled_from(sorted(others)).flatmap(lambda name: st.fixed_dictionaries({name: others[name]}))
        if others else st.just({}),
    )  # fmt: skip


def accepts(cls: type[Plugin], conf: Mapping[str, Any]) -> bool:
    """Whether a plugin takes a configuration."""
    try:
        kind_of(cls).make(conf)
    except Misfit:
        return False
    return True


def words_of(value: Any) -> tuple[str, ...]:
    """The texts and numbers within a configuration (or a plugin), keys included: what a request may have to name."""
    return tuple(dict.fromkeys(_words(value)))[:30]


def _words(value: Any) -> Iterator[str]:
    if dataclasses.is_dataclass(value):
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _words(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _words(item)
    elif isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        yield str(value)


# -- what operators write, as the dataclasses of gwt.model.route

seconds: Strategy = st.floats(0.001, 100)
cidrs: Strategy = st.lists(st.sampled_from(["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32", "192.0.2.7/32"]), max_size=3)
rate_limits: Strategy = st.builds(
    RateLimit, st.integers(0, 1000), st.integers(0, 100),
    st.lists(st.sampled_from(["ip", "user", "service", "path"]), unique=True, max_size=2).map(tuple),
    st.sampled_from(["local", "open", "closed"]),
)  # fmt: skip
#: What one level says of the access policy.
policies: Strategy = st.builds(
    Access,
    auth_type=st.none() | st.sampled_from(["public", "optional", "login", ("key-auth",)]),
    require=st.none() | st.dictionaries(st.sampled_from(["role", "team"]), st.just(("admin",)), max_size=2),
    timeout=st.none() | st.builds(Timeout, seconds, seconds, seconds, st.none() | seconds),
    rate_limits=st.none() | st.lists(rate_limits, max_size=2).map(tuple),
    ip_allow=st.none() | cidrs.map(tuple),
    ip_deny=st.none() | cidrs.map(tuple),
    retries=st.none() | st.integers(0, 3),
    retry_buffer=st.none() | st.integers(0, 1 << 20),
    max_body=st.none() | st.integers(0, 1 << 20),
    max_message=st.none() | st.integers(0, 1 << 20),
)
endpoints: Strategy = st.builds(
    EndpointSpec, st.builds("10.0.0.{}:{}".format, st.integers(1, 9), st.integers(80, 90)),
    weight=st.integers(0, 10),
)  # fmt: skip
_uris = st.lists(st.sampled_from(["a", "b", "ab"]), max_size=3).map(lambda parts: "/" + "/".join(parts))
paths: Strategy = st.builds(
    Path, uri=_uris, match=st.sampled_from(["prefix", "exact"]),
    methods=st.lists(st.sampled_from(["GET", "POST"]), unique=True, max_size=1).map(tuple),
    headers=st.dictionaries(st.sampled_from(["x-a", "x-b"]), st.sampled_from(["1", "2"]), max_size=1),
    priority=st.integers(-1, 1),
    rewrite=st.none() | st.just(Rewrite(prefix="/v1")) | st.just(Rewrite(strip="/a")),
    access=policies,
)  # fmt: skip
services: Strategy = st.builds(
    Service, name=st.sampled_from(["one", "two"]), port=st.sampled_from([80, 8080]), access=policies,
    paths=st.lists(paths, min_size=1, max_size=3).map(tuple),
)  # fmt: skip
routes: Strategy = st.builds(
    Route, name=st.sampled_from(["r1", "r2", "r3"]),
    hosts=st.sampled_from([("a.test",), ("*.test", "a.test"), ("*",), ("b.a.test", "*")]),
    namespace=st.just("test"), access=policies, services=st.lists(services, min_size=1, max_size=2).map(tuple),
    source=st.just(Source("test.yaml", 1)),
)  # fmt: skip
