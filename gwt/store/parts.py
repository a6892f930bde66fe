"""Text -> Content: what the model reads, taken apart into the parts that the catalog joins.

Runs in the serving process for small files and in `gwt.store.loader` for large ones: imports no Twisted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b

from gwt.model.document import decode
from gwt.model.endpoints import name_of, service_of
from gwt.model.others import CertificatesDoc, ConsumersDoc, KubeObject, ListsDoc, RulesDoc, UpstreamsDoc
from gwt.model.parse import Document, Parsed, parse_file
from gwt.model.route import Quarantined, Route
from gwt.store import content
from gwt.store.content import Content, Doc, Part
from gwt.store.slim import slim


def digest_of(data: bytes) -> bytes:
    """What tells two contents apart."""
    return blake2b(data, digest_size=16).digest()


def read_content(data: bytes, file: str) -> Content:
    """The Content of a file. Never raises for what is in it: what can't be used is a bad Doc with its problems."""
    text, problems = decode(data, file)
    return content_of(parse_file(text, file)) if not problems else Content((), tuple(problems), readable=False)


def content_of(parsed: Parsed) -> Content:
    """The parts of parsed documents."""
    return Content(docs_of(parsed.documents), parsed.problems)


def docs_of(documents: Iterable[Document]) -> tuple[Doc, ...]:
    """One Doc an identity: the objects of a Kubernetes List come together, a bad one among them stands by itself."""
    docs: dict[str, Doc] = {}
    parts: dict[str, list[Part]] = {}
    for document in documents:
        identity = document.source.identity
        if isinstance(document, Quarantined):
            identity = identity if identity not in docs else f"{identity}!{len(docs)}"
            docs[identity] = Doc(identity, len(docs), (), document, bool(document.source.name))
        elif identity not in docs:
            docs[identity] = Doc(identity, len(docs), tuple(_parts(document)), None, bool(document.source.name))
        else:
            parts.setdefault(identity, []).extend(_parts(document))
    for identity, more in parts.items():
        doc = docs[identity]
        key = identity if doc.bad is None else f"{identity}!{len(docs)}"
        index = doc.index if doc.bad is None else len(docs)
        docs[key] = Doc(key, index, (*doc.parts, *more), None, doc.inner)
    return tuple(docs.values())


def _parts(document: Document) -> Iterator[Part]:
    match document:
        case Route():
            yield document
        case UpstreamsDoc():
            for spec in document.services:
                yield content.ServicePart(spec, document.lines.get(spec.key, 0))
        case RulesDoc():
            yield content.RulesPart(document.rules)
        case ListsDoc():
            for name, cidrs in document.lists.items():
                yield content.ListPart(name, cidrs)
        case ConsumersDoc():
            for name, conf in document.consumers.items():
                yield content.ConsumerPart(name, conf)
        case CertificatesDoc():
            for name, certificate in document.certificates.items():
                yield content.CertificatePart(name, certificate)
        case KubeObject():
            yield from _kube_parts(document)


def _kube_parts(document: KubeObject) -> Iterator[Part]:
    service = service_of(document.object, document.kind)
    if service is not None:
        yield content.KubePart(document.kind, name_of(document.object), service, slim(document.kind, document.object))
