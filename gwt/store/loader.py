"""The child that parses large files, so that the serving process is not kept: `python -m gwt.store.loader`.

C parsers hold the GIL, so a thread would not do. Requests come on standard input, answers go to standard output, both
as frames: `HEAD` and a pickle. An answer is any number of frames of Docs, each small enough to be unpickled within
about a millisecond, and a last one with the rest. Imports no Twisted; ends when its input does.
"""

from __future__ import annotations

import copyreg
import fcntl
import gc
import io
import os
import pickle
import resource
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import fields, replace
from operator import attrgetter
from typing import Any, BinaryIO

from gwt.model import route as model
from gwt.model.certificate import Certificate, ClientAuth
from gwt.steps import Steps
from gwt.store import content as parts
from gwt.store.content import Content, Doc, KubePart, Part, ServicePart
from gwt.store.loading import Loaded, load

#: Of a frame: its length without this, and 1 where it is the last of its message.
HEAD = struct.Struct(">IB")

#: Values (paths, endpoints, ...) in one frame: some 500 µs of unpickling.
FRAME = 100

#: Bytes of answers that wait in the pipe, if the system allows it.
PIPE = 1 << 20

#: Bytes of address space: a document that explodes takes the child with it, not the machine.
MEMORY = 4 << 30


def frame(value: Any, last: bool = True) -> bytes:
    """One frame."""
    pickled = dumps(value)
    return HEAD.pack(len(pickled), last) + pickled


def frames(loaded: Loaded) -> Iterator[bytes]:
    """The answer to one request."""
    if loaded.content is not None:
        for docs in pieces(loaded.content.docs):
            yield frame(docs, False)
        loaded = replace(loaded, content=replace(loaded.content, docs=()))
    yield frame(loaded)


def unpickled(messages: Iterable[bytes]) -> Steps[Loaded]:
    """The inverse of `frames`, their heads taken off."""
    received: list[list[Doc]] = []
    loaded = Loaded()
    for message in messages:
        value = pickle.loads(message)  # noqa: S301  (comes from our own child, by its standard output)
        if isinstance(value, Loaded):
            loaded = value
        else:
            received.append(value)
        yield
    if loaded.content is None:
        return loaded
    docs: list[Doc] = []
    for number, doc in enumerate(joined(received)):
        docs.append(doc)
        if number % 500 == 0:
            yield
    return replace(loaded, content=replace(loaded.content, docs=tuple(docs)))


def pieces(docs: Iterable[Doc], size: int = FRAME) -> Iterator[list[Doc]]:
    """`docs` in lists of about `size` values; a large document is cut into several with the same identity."""
    piece: list[Doc] = []
    held = 0
    for doc in docs:
        begun = 0
        for end, part in enumerate(doc.parts, 1):
            held += _weight(part)
            if held >= size:
                piece.append(_cut(doc, begun, end))
                yield piece
                piece, held, begun = [], 0, end
        if begun < len(doc.parts) or not doc.parts:
            piece.append(_cut(doc, begun, len(doc.parts)))
            held += 1
    if piece:
        yield piece


def joined(pieces_: Iterable[list[Doc]]) -> Iterator[Doc]:
    """The inverse of `pieces`."""
    whole: Doc | None = None
    kept: list[Part] = []
    for doc in (doc for piece in pieces_ for doc in piece):
        if whole is not None and doc.identity == whole.identity:
            kept.extend(doc.parts)
            continue
        if whole is not None:
            yield replace(whole, parts=tuple(kept)) if len(kept) != len(whole.parts) else whole
        whole, kept = doc, list(doc.parts)
    if whole is not None:
        yield replace(whole, parts=tuple(kept)) if len(kept) != len(whole.parts) else whole


def _cut(doc: Doc, begun: int, end: int) -> Doc:
    return doc if end - begun == len(doc.parts) else replace(doc, parts=doc.parts[begun:end])


def _weight(part: Part) -> int:
    if isinstance(part, model.Route):
        return 4 + 2 * sum(len(service.paths) for service in part.services)
    if isinstance(part, ServicePart):
        return 1 + len(part.spec.endpoints)
    if isinstance(part, KubePart):
        return 1 + len(part.value.get("endpoints") or ()) + len(part.value.get("subsets") or ())
    return 2


def dumps(value: Any) -> bytes:
    """Pickle `value` so that it is quick to read: dataclasses as calls, well-known defaults as names."""
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, 5)
    pickler.dispatch_table = _REDUCERS
    pickler.dump(value)
    return buffer.getvalue()


def _reducer(cls: type) -> Callable[[Any], Any]:
    values = attrgetter(*[field.name for field in fields(cls)])
    return (lambda value: (cls, values(value))) if len(fields(cls)) > 1 else (lambda value: (cls, (values(value),)))


def _reduce_access(value: model.Access) -> Any:
    return "NO_ACCESS" if value is model.NO_ACCESS else _reducer(model.Access)(value)


_REDUCERS: dict[type, Callable[[Any], Any]] = copyreg.dispatch_table.copy()
for _cls in (
    *(model.Source, model.Timeout, model.RateLimit, model.PluginUse, model.Balance, model.Rewrite, model.Path),
    *(model.Service, model.Env, model.Route, model.Rule, model.EndpointSpec, model.ServiceSpec, model.Problem),
    *(model.Quarantined, parts.ServicePart, parts.RulesPart, parts.ListPart, parts.ConsumerPart, parts.KubePart),
    *(model.Stream, parts.CertificatePart, Certificate, ClientAuth),
    *(Doc, Content, Loaded),
):
    _REDUCERS[_cls] = _reducer(_cls)
_REDUCERS[model.Access] = _reduce_access


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until there are no more requests."""
    while head := requests.read(HEAD.size):
        path, name, known = pickle.loads(requests.read(HEAD.unpack(head)[0]))  # noqa: S301  (from our own parent)
        for answer in frames(load(path, name, known)):
            answers.write(answer)
        answers.flush()


def main() -> None:
    """The child's life."""
    gc.disable()  # what is made here lives for one file
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with suppress(OSError):
        fcntl.fcntl(1, fcntl.F_SETPIPE_SZ, PIPE)  # room to go on while the gateway is busy
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that prints may get between the frames
    try:
        serve(sys.stdin.buffer, answers)
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(0)  # the gateway is gone: nobody waits for what is buffered


if __name__ == "__main__":
    main()
