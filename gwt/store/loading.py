"""Loading: one file to its Content, in two steps that different threads or processes may take."""

from __future__ import annotations

from dataclasses import dataclass

from gwt.store.content import Content
from gwt.store.parts import digest_of, read_content


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of reading a file: its `digest` and `data` (None: as before), or why it could not be read."""

    digest: bytes = b""
    data: bytes | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """The same, parsed."""

    digest: bytes = b""
    content: Content | None = None
    error: str | None = None


def fetch(path: str, known: bytes | None) -> Fetched:
    """Read the file at `path`; its data is of no interest where its digest is `known`."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        return Fetched(error=error.strerror or type(error).__name__)
    digest = digest_of(data)
    return Fetched(digest, None if digest == known else data)


def parse(fetched: Fetched, name: str) -> Loaded:
    """What a file that is called `name` says."""
    content = None if fetched.data is None else read_content(fetched.data, name)
    return Loaded(fetched.digest, content, fetched.error)


def load(path: str, name: str, known: bytes | None) -> Loaded:
    """Both."""
    return parse(fetch(path, known), name)
