"""What the pages say is what the code does: examples are loaded, tables are compared, links are followed.

An example that shows errors has `<!-- wrong -->` on the line before its fence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gwt import forward, transfer
from gwt.balance.endpoint import Registry
from gwt.cli.kinds import GATEWAY, kind_of
from gwt.compile import compile_now, empty_snapshot
from gwt.delta import Delta
from gwt.edge import channel, side
from gwt.errors import KINDS
from gwt.model.forms import OPERATORS, PROTOCOLS
from gwt.model.options import AccessLog
from gwt.model.parse import parse_file
from gwt.model.policy import DEFAULT_POLICY, FIELDS, Origin, merge
from gwt.model.route import Route
from gwt.model.schema import definitions
from gwt.model.settings import Settings, load_settings
from gwt.plugging.distributed import distributed
from gwt.rewrite import compile_rewrite
from gwt.route.path import BadPath, match_path, normalise
from gwt.snapshot import Snapshot
from gwt.surroundings import Surroundings
from gwt.upstream import connection, pool
from gwt.wire import names
from gwt.wire.request import METHODS
from gwt.wire.response import parse_response

HERE = Path(__file__).resolve().parent.parent
PAGES = [HERE / "README.md", *sorted((HERE / "docs").glob("*.md"))]

BUILTIN = (HERE / "docs/plugins-builtin.md").read_text(encoding="utf-8")
_FENCE = re.compile(r"^(?P<before>[^\n]*)\n```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S)
_CODE = re.compile(r"`([^`]*)`")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


class Example(NamedTuple):
    page: str
    line: int
    text: str
    wrong: bool


def examples() -> Iterator[Example]:
    """Every YAML example of every page."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in _FENCE.finditer(text):
            if found["kind"] == "yaml":
                line = text.count("\n", 0, found.start("text")) + 1
                yield Example(page.name, line, found["text"], "<!-- wrong -->" in found["before"])


def table(page: str, first: str) -> list[list[str]]:
    """The rows of all tables of a page whose first column is called `first`, as cells."""
    rows: list[list[str]] = []
    inside = False
    for line in (HERE / "docs" / page).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")] if line.startswith("|") else []
        if not cells:
            inside = False
        elif cells[0] == first:
            inside = True
        elif inside and not set(line) <= set("|- "):
            rows.append([cell.strip(" |") for cell in cells])
    assert rows, f"{page} has no table whose first column is {first!r}"
    return rows


def codes(cell: str) -> list[str]:
    """What stands between backticks."""
    return _CODE.findall(cell)


def problems_of(text: str) -> list[str]:
    """The errors of an example: of a gateway.yaml or of documents, whichever it is."""
    if kind_of(text) == GATEWAY:
        _, found = load_settings(text, "gateway.yaml", {}, lambda path: "a secret")
    else:
        found = list(parse_file(text, "example.yaml").problems)
    return [f"{problem.line}: {problem.message}" for problem in found if problem.severity == "error"]


@pytest.mark.parametrize("example", list(examples()), ids=lambda one: f"{one.page}:{one.line}")
def test_every_example_loads_unless_it_is_meant_not_to(example: Example) -> None:
    assert bool(problems_of(example.text)) == example.wrong, problems_of(example.text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_marks_of_a_merge_are_left(page: Path) -> None:
    assert re.findall(r"(?m)^(?:<{7}|={7}|>{7})(?: .*)?$", page.read_text(encoding="utf-8")) == []


def test_every_page_is_in_the_readme() -> None:
    linked = set(_LINK.findall(PAGES[0].read_text(encoding="utf-8")))
    assert [page.name for page in PAGES[1:] if f"docs/{page.name}" not in linked] == []


# -- errors.md


def test_every_error_code_is_told_as_it_is() -> None:
    said = {codes(row[0])[0]: (int(row[1]), int(row[2]), row[3]) for row in table("errors.md", "code")}
    assert said == {code: (kind.status, kind.grpc, kind.proxy_status) for code, kind in KINDS.items()}


# -- settings.md


def keys_of(value: Any, prefix: str = "") -> Iterator[str]:
    """`a.b` for every key of settings; groups that are null by default or have no keys of their own are one key."""
    for one in fields(value):
        if not prefix and one.name == "file":
            continue
        inner = AccessLog() if one.name == "access_log" else getattr(value, one.name)
        if is_dataclass(inner) and one.name != "access":
            yield from keys_of(inner, f"{prefix}{one.name}.")
        else:
            yield f"{prefix}{one.name}"


def test_every_key_of_gateway_yaml_is_there_once() -> None:
    said = [codes(row[0])[0] for row in table("settings.md", "key")]
    assert sorted(said) == sorted(keys_of(Settings()))


@pytest.mark.parametrize("row", table("settings.md", "key"), ids=lambda row: row[0])
def test_a_default_written_out_changes_nothing(row: list[str]) -> None:
    *groups, key = codes(row[0])[0].split(".")
    default = codes(row[1])[0]
    text = f"{key}: {default}\n"
    for group in reversed(groups):
        text = f"{group}:\n" + "".join(f"  {line}\n" for line in text.splitlines())
    settings, problems = load_settings(text, "", {})
    assert problems == []
    assert settings == Settings()


# -- routes.md


@pytest.mark.parametrize(
    ("first", "definition"),
    [
        ("field of a Route", "Route"),
        ("field of a service", "Service"),
        ("field of a path", "Path"),
        ("field of access", "Access"),
    ],
)
def test_every_field_is_there(first: str, definition: str) -> None:
    said = [name for row in table("routes.md", first) for name in codes(row[0])]
    assert len(said) == len(set(said))
    assert set(said) == set(definitions()[definition]["properties"])


def test_defaults_of_the_policy() -> None:
    for row in table("routes.md", "field of access"):
        if row[1] == "none":
            assert {getattr(DEFAULT_POLICY, name) for name in codes(row[0])} == {None}
            continue
        (name,), (default,) = codes(row[0]), codes(row[1])
        settings, _ = load_settings(f"access: {{{name}: {default}}}", "", {})
        assert settings is not None
        policy = merge([(Origin("global"), settings.access)])
        assert [getattr(policy, one) for one in FIELDS] == [getattr(DEFAULT_POLICY, one) for one in FIELDS], name


def test_words_that_fields_take() -> None:
    page = (HERE / "docs/routes.md").read_text(encoding="utf-8")
    assert [one for row in table("routes.md", "operator") for one in codes(row[0])] == list(OPERATORS)
    kinds = definitions()["Service"]["properties"]["balance"]["anyOf"][0]["enum"]
    assert [codes(row[0])[0] for row in table("balancing.md", "kind")] == ["round_robin", "least_conn", "p2c", "sticky"]
    assert sorted(kinds) == ["least_conn", "p2c", "round_robin", "sticky"]
    protocols = next(row for row in table("routes.md", "field of a service") if row[0] == "`protocol`")
    assert set(codes(protocols[1]) + codes(protocols[2])) == set(PROTOCOLS)
    for rule in ("forward", "redirect", "deny"):
        assert f"action: {rule}" in page


@pytest.mark.parametrize("row", table("routes.md", "sent"), ids=lambda row: row[0])
def test_paths_are_normalised_as_the_page_says(row: list[str]) -> None:
    for sent in codes(row[0]):
        raw = sent.encode()
        if row[1] == "400":
            with pytest.raises(BadPath):
                normalise(raw)
        else:
            path = normalise(raw)
            assert [f"`{path.decode()}`", f"`{match_path(path).decode()}`"] == row[1:]


@pytest.mark.parametrize("row", table("routes.md", "rewrite"), ids=lambda row: f"{row[0]} {row[1]}")
def test_rewrites_do_what_the_page_says(row: list[str]) -> None:
    route = f"hosts: [a]\nservices: [{{upstream: u, paths: [{{uri: /, rewrite: {codes(row[0])[0]}}}]}}]"
    (document,) = parse_file(route, "").documents
    assert isinstance(document, Route)
    rewrite = compile_rewrite(document.services[0].paths[0].rewrite)
    assert rewrite is not None
    assert rewrite(codes(row[1])[0].encode()) == codes(row[2])[0].encode()


def example_route(name: str) -> Snapshot:
    """The compiled Route of this name in an example of routes.md."""
    surroundings = Surroundings(Registry(lambda: 0.0, lambda: 0.5))
    found = [
        document for one in examples() if one.page == "routes.md" for document in parse_file(one.text, "").documents
    ]
    routes = {document.name: document for document in found if isinstance(document, Route) and document.name == name}
    return compile_now(empty_snapshot(surroundings), Delta(1, routes=routes))


def test_marks_and_namespaces() -> None:
    said = {codes(row[0])[0]: codes(row[1])[0] for row in table("routes.md", "host")}
    entries = example_route("foo").router.entries()
    assert said == {host: entry.target.upstream for host, entry in entries if entry.uri == b"/headers"}


class View:
    """A request with one header at most."""

    method, host, client = b"GET", b"order.example.com", "192.0.2.1"

    def __init__(self, path: bytes, header: tuple[str, str] | None) -> None:
        self.path, self._header = path, header

    def header(self, name: bytes) -> bytes | None:
        found = self._header is not None and self._header[0].lower().encode() == name
        return self._header[1].encode() if found and self._header is not None else None

    def arg(self, name: bytes) -> bytes | None:
        return None

    cookie = arg


@pytest.mark.parametrize("row", table("routes.md", "request"), ids=lambda row: row[0])
def test_who_wins(row: list[str]) -> None:
    path, *headers = codes(row[0])
    header = tuple(headers[0].split(": ")) if headers else None
    canonical = normalise(path.encode())
    leaf = example_route("order").router.match(
        View.host,
        match_path(canonical),
        View(canonical, header),  # type: ignore[arg-type]
    )
    assert leaf.origin.service.paths.index(leaf.origin.path) + 1 == int(row[1])


# -- wire.md


def test_dropped_fields() -> None:
    said = {name.lower() for row in table("wire.md", "dropped") for name in codes(row[1])}
    mine = {*names.HOP_BY_HOP, *names.IDENTITY, *names.PRIVATE}
    mine |= {"connection", "transfer-encoding", "upgrade", "te", "forwarded"}
    assert mine <= said
    assert said - mine <= {"x-forwarded-*", "trailers", "_", ".", "-", "x_user_id"}
    for name in mine - {"forwarded"}:
        assert names.REQUEST_NAMES[name.encode()] != names.Kind.PASS


def test_methods() -> None:
    again = next(row for row in table("wire.md", "what happened") if "before any byte" in row[0])
    assert {method.encode() for method in re.findall(r"[A-Z]{2,}", again[1])} == forward.IDEMPOTENT
    assert forward.IDEMPOTENT <= METHODS
    assert {b"PURGE", b"QUERY"} <= METHODS
    assert METHODS.isdisjoint((b"CONNECT", b"TRACE"))


def test_fixed_limits() -> None:
    assert [int(row[1]) for row in table("wire.md", "fixed")] == [
        pool.MAX_IDLE,
        pool.MAX_IDLE_SECONDS,
        pool.MAX_CONNECTIONS,
        connection.MAX_HEAD,
        parse_response.__defaults__[1],  # type: ignore[index]
        channel._AHEAD,
        side._LINGER,
        transfer._EXPECT_PATIENCE,
        forward._HINTS,
        forward._INTERIM,
        side.MINIMUM_RATE,
    ]


# -- plugins-builtin.md


@pytest.mark.parametrize("name", re.findall(r"^\| field of (\S+) \|", BUILTIN, re.M))
def test_every_field_of_a_plugin_is_there_with_its_default(name: str) -> None:
    schema = next(kind for kind in distributed({})[0] if kind.name == name).schema()
    said = {codes(row[0])[0]: codes(row[1]) or [row[1]] for row in table("plugins-builtin.md", f"field of {name}")}
    assert said.keys() == schema["properties"].keys() - {"_meta"}
    required = {field for field, default in said.items() if default == ["required"]}
    assert required == set(schema.get("required", ()))
    for field, default in said.items():
        if schema["properties"][field].get("default"):
            assert default[0].lower() == str(schema["properties"][field]["default"]).lower(), field
