"""Loading: one file to its Content, whoever does it: the serving process or a child of it."""

from __future__ import annotations

from dataclasses import dataclass

from gwt.store.content import Content
from gwt.store.parts import digest_of, read_content


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of loading a file: its `digest` and `content` (None: as before), or why it could not be read."""

    digest: bytes = b""
    content: Content | None = None
    error: str | None = None


def load(path: str, name: str, known: bytes | None) -> Loaded:
    """Read and parse the file at `path`, which is called `name`; not parsed where its digest is `known`."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        return Loaded(error=error.strerror or type(error).__name__)
    digest = digest_of(data)
    return Loaded(digest, None if digest == known else read_content(data, name))
