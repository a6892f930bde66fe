"""A file of documents -> values and problems: the one way from text to Routes.

Every document is judged by itself: a bad one becomes Quarantined, with all of its problems and with the name and hosts
that could still be read, and harms no other. ConfigMaps that carry Routes and Lists are opened in place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from gwt.model import kube, kubetls, others, schema, units
from gwt.model.access import Reader
from gwt.model.document import RawDocument, read_documents
from gwt.model.kubecheck import faults_of
from gwt.model.mend import independent, mended
from gwt.model.others import CertificatesDoc, ConsumersDoc, KubeObject, ListsDoc, RulesDoc, UpstreamsDoc
from gwt.model.route import Problem, Quarantined, Route, Source
from gwt.model.routes import read_route
from gwt.model.streams import read_stream
from gwt.model.validate import Check, Fault, describe, flatten, trail_of

Document = Route | Quarantined | UpstreamsDoc | RulesDoc | ListsDoc | ConsumersDoc | CertificatesDoc | KubeObject


@dataclass(frozen=True, slots=True)
class Parsed:
    """The documents of one text in order, and everything that is wrong with them (warnings too)."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that are not mere warnings."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


@dataclass(frozen=True, slots=True)
class Context:
    """What a text is read as: where it stands, and for the text of a ConfigMap its name and namespace."""

    file: str
    name: str = ""
    namespace: str | None = None
    routes_only: bool = False


def parse_file(text: str, file: str) -> Parsed:
    """The documents of a file of a store. Never raises for what is in it."""
    return _parse(text, Context(file))


def parse_config_map_text(text: str, identity: str, namespace: str) -> Parsed:
    """The Routes of one key of a ConfigMap.

    `identity` is namespace/configmap/key, `namespace` the default namespace of its Routes.
    """
    return _parse(text, Context(identity, "", namespace, True))


def read_config_map_text(
    text: str, identity: str, namespace: str
) -> Iterator[tuple[RawDocument, Route | Quarantined, list[Problem]]]:
    """The same, each document with what it was read from."""
    context = Context(identity, "", namespace, True)
    for raw in read_documents(text, identity):
        for document, problems in _read(raw, context):
            if isinstance(document, Route | Quarantined):
                yield raw, document, problems


def _parse(text: str, context: Context) -> Parsed:
    documents: list[Document] = []
    problems: list[Problem] = []
    for raw in read_documents(text, context.file):
        for document, found in _read(raw, context):
            if document is not None:
                documents.append(document)
            if found:
                problems.extend(found)
    return Parsed(tuple(documents), tuple(problems))


Read = tuple[Document | None, list[Problem]]


def _read(raw: RawDocument, context: Context) -> Iterable[Read]:
    source = Source(context.file, raw.line, raw.index, context.name)
    if raw.problems:
        return (_quarantine(raw, source, raw.problems),)
    if not isinstance(raw.value, dict):
        return (_quarantine(raw, source, [raw.problem(f"a document is a mapping, this is {describe(raw.value)}")]),)
    kind = schema.kind_of(raw.value)
    if kind == "Route":
        return (_read_route(raw, source, context),)
    if kind == "Stream":
        return (_read_stream(raw, source, context),)
    if context.routes_only:
        return (_quarantine(raw, source, [raw.problem("a ConfigMap holds Routes only, with hosts and services")]),)
    if kind == "KubernetesObject":
        return _read_kube(raw, source)
    return (_read_other(raw, source, kind),)


_CHECK_ROUTE: Check = schema.check_document("Route")


def _reader(raw: RawDocument, faults: list[Fault]) -> Reader:
    return Reader(raw.line_of, faults, raw.row_of, raw.single, raw.lines)


def _read_route(raw: RawDocument, source: Source, context: Context) -> Read:
    faults: list[Fault] = []
    _CHECK_ROUTE(raw.value, None, faults)
    if not faults:
        route = read_route(_reader(raw, faults), raw.value, source, context.namespace)
        return _judge(raw, source, route, faults) if faults else (route, [])
    more: list[Fault] = []
    read_route(Reader(raw.line_of, more), mended(raw.value, faults), source)
    return _judge(raw, source, None, [*faults, *independent(more, faults)])


def _read_stream(raw: RawDocument, source: Source, context: Context) -> Read:
    faults: list[Fault] = []
    schema.check_document("Stream")(raw.value, None, faults)
    if not faults:
        return _judge(raw, source, read_stream(_reader(raw, faults), raw.value, source, context.namespace), faults)
    more: list[Fault] = []
    read_stream(Reader(raw.line_of, more), mended(raw.value, faults), source)
    return _judge(raw, source, None, [*faults, *independent(more, faults)])


_OTHERS: dict[str, Callable[[Reader, dict[str, Any], Source], Document]] = {
    "Upstreams": others.read_upstreams,
    "Rules": others.read_rules,
    "Lists": others.read_lists,
    "Consumers": others.read_consumers,
    "Certificates": others.read_certificates,
}


def _read_other(raw: RawDocument, source: Source, kind: str) -> Read:
    faults: list[Fault] = []
    schema.check_document(kind)(raw.value, None, faults)
    if not faults:
        return _judge(raw, source, _OTHERS[kind](_reader(raw, faults), raw.value, source), faults)
    more: list[Fault] = []
    _OTHERS[kind](Reader(raw.line_of, more), mended(raw.value, faults), source)
    return _judge(raw, source, None, [*faults, *independent(more, faults)])


def _judge(raw: RawDocument, source: Source, document: Document | None, faults: list[Fault]) -> Read:
    """The document with what is said of it, or in its place a Quarantined one if anything keeps it out."""
    name = read_name(raw)
    problems = [
        replace(
            raw.problem(fault.message, flatten(fault.trail), fault.on_key, fault.severity),
            name=name,
            closes=fault.closes,
        )
        for fault in faults
    ]
    problems.sort(key=lambda problem: (problem.line, problem.column))
    if any(problem.keeps_out for problem in problems):
        return _quarantine(raw, source, problems)
    return document, problems


def _quarantine(raw: RawDocument, source: Source, problems: list[Problem]) -> Read:
    name = read_name(raw)
    named = [replace(problem, name=name) for problem in problems]
    return Quarantined(name, read_hosts(raw), tuple(named), source, read_listener(raw)), named


def _read_kube(raw: RawDocument, source: Source) -> Iterator[Read]:
    for item in kube.objects(raw.value):
        if item.fault:
            yield _quarantine(raw, source, [raw.problem(item.fault, item.path)])
        elif item.kind == "ConfigMap":
            yield from _open_config_map(raw, source, item)
        elif item.kind in kube.KINDS:
            place = replace(source, line=raw.line_of(item.path))
            document = KubeObject(item.kind, item.namespace, item.name, item.value, place)
            yield _judge(raw, place, document, faults_of(item.kind, item.value, trail_of(item.path)))
        elif item.kind == "Secret" and item.value.get("type") == kubetls.TYPE:
            yield _read_secret(raw, source, item)
        else:
            message = f"a {item.kind} is of no use here; gwt reads {', '.join(kube.KINDS)} and ConfigMap"
            yield None, [raw.problem(message, (*item.path, "kind"), severity="warning")]


def _read_secret(raw: RawDocument, source: Source, item: kube.Item) -> Read:
    """The certificate in a Secret, by namespace/name; what is wrong is said at its kind, so that no key is shown."""
    try:
        certificate = kubetls.certificate_of(item.value)
    except ValueError as error:
        return _quarantine(raw, source, [raw.problem(f"Secret {item.namespace}/{item.name}: {error}", item.path)])
    place = replace(source, line=raw.line_of(item.path))
    return CertificatesDoc({f"{item.namespace}/{item.name}": certificate}, place), []


def _open_config_map(raw: RawDocument, source: Source, item: kube.Item) -> Iterator[Read]:
    """The Routes in a ConfigMap of a file; their problems are placed in the file where that can be done."""
    for identity, text, path in kube.config_map_texts(item):
        inner = Context(source.file, identity, item.namespace, True)
        literal = raw.literal(path)
        line = raw.line_of(path)
        for document in read_documents(text, source.file):
            for parsed, problems in _read(document, inner):
                moved = [_move(problem, literal, line) for problem in problems]
                yield _moved(parsed, tuple(moved), literal, line), moved
    for message, path in kube.config_map_warnings(item):
        yield None, [raw.problem(message, path, severity="warning")]


def _move(problem: Problem, literal: tuple[int, int] | None, line: int) -> Problem:
    if literal is None:
        message = f"{problem.message} (line {problem.line}, column {problem.column} of the text)"
        return replace(problem, line=line, column=1, message=message)
    first, indent = literal
    return replace(problem, line=problem.line + first, column=problem.column + indent, text=" " * indent + problem.text)


def _moved(
    document: Document | None, problems: tuple[Problem, ...], literal: tuple[int, int] | None, line: int
) -> Document | None:
    if isinstance(document, (Route, Quarantined)):
        source = replace(document.source, line=document.source.line + literal[0] if literal else line)
        if isinstance(document, Quarantined):
            return replace(document, problems=problems, source=source)
        return replace(document, source=source)
    return document


_NAME_LINE = re.compile(
    r"""^["']?name["']?[ \t]*:[ \t]*["']?([^\s"'#,{}\[\]]+)|["']name["']\s*:\s*["']([^"']+)["']""", re.M
)
_STREAM_LINE = re.compile(
    r"""^["']?stream["']?[ \t]*:[ \t]*["']?([a-z0-9][a-z0-9_-]{0,62})["']?[ \t]*(?:#|\r?$)""", re.M
)
_HOSTS_FLOW = re.compile(r"""["']?\bhosts["']?\s*:\s*\[([^\]]*)""")
_HOSTS_BLOCK = re.compile(
    r"""^([ \t]*)["']?hosts["']?[ \t]*:[ \t]*(?:#.*)?\r?\n((?:[ \t]*-[ \t]+.*(?:\r?\n|\Z)|[ \t]*(?:#.*)?\r?\n)+)""",
    re.M,
)
_MARK_TEXT = re.compile(r"""\bmark["']?\s*:\s*["']?([a-z0-9-]*)""")


def read_name(raw: RawDocument) -> str | None:
    """The name of a document, however broken, if it can be seen."""
    if isinstance(raw.value, dict):
        name = raw.value.get("name")
        return name if isinstance(name, str) and name.isprintable() and 0 < len(name) < 254 else None
    match = _NAME_LINE.search(raw.text[:100_000])
    return (match[1] or match[2]) if match else None


def read_listener(raw: RawDocument) -> str | None:
    """The listener of a broken document of connections, if it can be seen; "" where it can't; None for others."""
    if isinstance(raw.value, dict):
        if schema.kind_of(raw.value) != "Stream":
            return None
        listener = raw.value["stream"]
        return listener if isinstance(listener, str) else ""
    match = _STREAM_LINE.search(raw.text[:100_000])
    return match[1] if match else None


def read_hosts(raw: RawDocument) -> tuple[str, ...]:
    """The hosts of a document, however broken, that can be seen; {mark} expanded by the marks that can be seen."""
    if isinstance(raw.value, dict):
        listed, envs = raw.value.get("hosts"), raw.value.get("envs")
        texts = listed if isinstance(listed, list) else [listed]
        marks = [env.get("mark") or "" for env in envs if isinstance(env, dict)] if isinstance(envs, list) else []
    else:
        texts, marks = _salvage(raw.text[:100_000])
    hosts: list[str] = []
    for text in texts:
        try:
            hosts.append(units.host(text) if isinstance(text, str) else "")
        except ValueError:
            continue
    usable = tuple(mark for mark in marks if isinstance(mark, str)) or ("",)
    return tuple(host for host in units.expand_marks(tuple(filter(None, hosts)), usable) if _is_host(host))


def _is_host(host: str) -> bool:
    try:
        units.host(host)
    except ValueError:
        return False
    return True


def _salvage(text: str) -> tuple[list[Any], list[Any]]:
    texts: list[Any] = []
    for flow in _HOSTS_FLOW.findall(text):
        texts.extend(part.strip().strip("\"'") for part in flow.split(","))
    for _, block in _HOSTS_BLOCK.findall(text):
        for line in block.splitlines():
            texts.append(re.split(r"\s#", line.strip().removeprefix("-"))[0].strip().strip("\"'"))
    return texts, list(_MARK_TEXT.findall(text))
