"""A text with one or many documents in it -> plain values, each with a way to tell where something in it stands.

Documents are parted at lines of `---` (and `...`) before anything is parsed, so a broken one harms no other. One
that starts with `{` is read as JSON first: tools write JSON, and it costs a tenth. Places are then found only
when asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final, NoReturn

from gwt.model import jsonplaces, yaml12
from gwt.model.block import Block
from gwt.model.block import read as read_block
from gwt.model.route import Problem
from gwt.model.yaml12 import Constructor, PathTuple, YamlError

#: Characters of one document.
MAX_DOCUMENT: Final = 10 * 1024 * 1024
#: A line longer than this is not repeated in a Problem.
MAX_LINE_TEXT: Final = 1000
MAX_PART: Final = 2000  # characters of a part of a document that is kept in case that something is wrong there

#: Where a document holds private keys, only such lines of it are repeated as can't be a part of one.
_KEYS = re.compile(r"PRIVATE KEY|\btls\.key\b|\bkind\W+Secret\b")
_HARMLESS = re.compile(r"""[ \t]*(?:- )?["']?[\w./-]{1,100}["']?:(?: [\w./*-]{0,40}| [|>][+-]?)?[ \t]*""").fullmatch

_COMMENT = re.compile(r"(?:[ \t]*(?:[#%][^\n]*)?\r?\n)*[ \t]*(?:[#%][^\n]*)?\Z")


class RawDocument:
    """One document: its `value` (dicts, lists, scalars) and its place in the text.

    `index` counts the documents of the text from 0, empty ones left out; `line` (from 1) is where its content starts.
    `problems` is not empty where it could not be read; `value` is then what could be made of it, or None.
    """

    __slots__ = ("_block", "_first", "_lines", "_root", "file", "index", "line", "problems", "single", "text", "value")

    def __init__(self, text: str, first: int, index: int, file: str) -> None:
        self.text, self._first, self.index, self.file = text, first, index, file
        self.value: Any = None
        self.problems: list[Problem] = []
        self._root: Any = None
        self._block: Block | None = None
        self._lines: list[str] | None = None
        self.line = first + 1
        self.single = "\n" not in text
        if not self.single and text[0].isspace():
            self.line += text.count("\n", 0, len(text) - len(text.lstrip()))
            self.single = "\n" not in text.strip()

    def place(self, path: PathTuple = (), on_key: bool = False) -> tuple[int, int]:
        """Line and column (from 1) of the value at `path`, or of its key; if it is not there, of what is above it."""
        if self._block is not None and self._root is None:
            self._root = yaml12.compose(self.text)  # only now: nearly all documents have nothing wrong
        if self._root is not None:
            line, column = yaml12.find(self._root, path, on_key)
        elif self.value is not None:
            line, column = jsonplaces.find(self.text, path, on_key)
        else:
            return self.line, 1
        return self._first + line + 1, column + 1

    def row_of(self, owner: Any, key: str | int) -> int:
        """The line of a key or index of a collection of `value`, 0 where only its path tells: see `line_of`."""
        if self.single:
            return self.line
        rows = None if self._block is None else self._block.rows.get(id(owner))
        return 0 if rows is None else self._first + 1 + rows[key]

    def line_of(self, path: PathTuple) -> int:
        """The line (from 1) of the key or list item that `path` names."""
        if self.single:
            return self.line
        if self._block is not None:
            with suppress(LookupError):
                return self._first + self._block.line(path) + 1
        return self.place(path, True)[0]

    def problem(self, message: str, path: PathTuple = (), on_key: bool = False, severity: str = "error") -> Problem:
        """A Problem at `path`."""
        return self.problem_at(message, *self.place(path, on_key), severity)

    def problem_at(self, message: str, line: int, column: int, severity: str = "error") -> Problem:
        """A Problem at a line and column of the file (from 1)."""
        return Problem(self.file, line, column, message, self.line_text(line), None, severity)

    def line_text(self, line: int) -> str:
        """Line `line` (from 1, in the file) as it stands, "" where it is not in this document or very long."""
        lines = self.text.split("\n", max(line - self._first, 0))
        number = line - self._first - 1
        text = lines[number].rstrip("\r") if 0 <= number < len(lines) else ""
        if len(text) > MAX_LINE_TEXT or (_KEYS.search(self.text) and not _HARMLESS(text)):
            return ""
        return text

    def lines(self, first: int, last: int) -> str:
        """The text from line `first` to line `last` (from 1, in the file), "" where it is long."""
        if self._lines is None:
            self._lines = self.text.split("\n")
        text = "\n".join(self._lines[max(first - self._first - 1, 0) : max(last - self._first, 0)])
        return text if len(text) <= MAX_PART else ""

    def literal(self, path: PathTuple) -> tuple[int, int] | None:
        """For a literal block scalar (`|`): lines of the file before its text, and its indentation. Else None."""
        if self._root is None:
            return None
        found = yaml12.literal_indent(self._root, path, self.text.split("\n"))
        return (self._first + found[0], found[1]) if found else None

    def read(self) -> None:
        """Parse the text into `value` and `problems`."""
        if len(self.text) > MAX_DOCUMENT:
            self._fail(YamlError(f"larger than {MAX_DOCUMENT >> 20} MiB; part it with lines of ---"))
        elif not ((self.text[0] == "{" or self.text.lstrip()[:1] == "{") and self._read_json()):
            self._read_yaml()

    def _read_json(self) -> bool:
        try:
            value, end = _scan_json(self.text, 0 if self.text[0] == "{" else self.text.index("{"))
            if end != len(self.text) and not self.text[end:].isspace():
                return False
            if not self.text.isascii() or "\\ud" in self.text or "\\uD" in self.text:
                json.dumps(value, ensure_ascii=False).encode()  # lone surrogates can't be sent anywhere
        except (ValueError, RecursionError, StopIteration):
            return False  # YAML in flow style, or an error that the YAML side will place
        if self.text.count("{") + self.text.count("[") > yaml12.MAX_DEPTH and _too_deep(value):
            return False
        self.value = value
        return True

    def _read_yaml(self) -> None:
        self._block = read_block(self.text)
        if self._block is not None:
            self.value = self._block.value
            return
        try:
            root = yaml12.compose(self.text)
            if root is None:
                return
            constructor = Constructor(len(self.text))
            self._root = root
            self.value = constructor.value(root)
        except YamlError as error:
            self._root = self.value = None
            self._fail(error)
            return
        for message, line, column in constructor.faults:
            self.problems.append(self.problem_at(message, self._first + line + 1, column + 1))

    def _fail(self, error: YamlError) -> None:
        line, column = self._first + error.line + 1, error.column
        last = self._first + self.text.count("\n") + 1
        if line > last:  # libyaml places what is missing at the end on a line of its own
            line, column = last, len(self.line_text(last))
        text = self.line_text(line)
        if "alias" in error.message and text[column - 1 : column] == "*":
            column -= 1
        self.problems.append(self.problem_at(explain(error.message, text, column), line, column + 1))


def read_documents(text: str, file: str) -> Iterator[RawDocument]:
    """The documents of `text`, in order, each read. Never raises for what is in the text."""
    index = 0
    for chunk, first in split(text):
        if not chunk or chunk.isspace():
            continue
        document = RawDocument(chunk, first, index, file)
        if chunk[0] != "{" and chunk.lstrip()[0] in "#%" and _COMMENT.match(chunk):
            continue
        document.read()
        if document.value is not None or document.problems:
            index += 1
            yield document


def split(text: str) -> Iterator[tuple[str, int]]:
    """Part `text` at its document markers: (text of the document, lines before it), columns kept."""
    if text.startswith("\ufeff"):
        text = text[1:]
    if text.startswith(("---", "...")):
        text = "\n" + text
        line = -1
    else:
        line = 0
    chunk, start = "", line
    for part in _parts(text):
        lines = part.count("\n")
        after = part[4:5]
        if part[:4] not in _MARKERS:
            chunk, start = part, line
        elif after and not after.isspace():
            chunk += part  # ---x is no marker
        else:
            if chunk:
                yield chunk, start
            # What follows on the line of a marker keeps its column.
            chunk, start = (part[5:], line + 2) if after == "\n" else ("   " + part[4:], line + 1)
        line += lines
    yield chunk, start


_MARKERS = ("\n---", "\n...")


def _parts(text: str) -> Iterator[str]:
    r"""`text` cut before every "\n---" and "\n..."."""
    pieces = text.split("\n---")
    for number, piece in enumerate(pieces):
        whole = "\n---" + piece if number else piece
        if "\n..." not in whole:
            yield whole
            continue
        ends = whole.split("\n...")
        yield ends[0]
        for end in ends[1:]:
            yield "\n..." + end


def decode(data: bytes, file: str) -> tuple[str, list[Problem]]:
    """UTF-8 (with or without a byte order mark) -> text; what is not UTF-8 is a Problem at its place, and no text."""
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        return "", [Problem(file, line, column, f"not UTF-8: byte 0x{data[error.start]:02x}")]


_MARK = re.compile(r"""["']?([^\s"'\[\],:]*\{\w*\}[^\s"'\[\],:]*)""")


def explain(message: str, text: str, column: int) -> str:
    """What libyaml says, with what most likely has to be done about it."""
    at = text[column : column + 1]
    if "nested deeper" in message or "aliases" in message:
        return message
    if "\t" in text[: len(text) - len(text.lstrip())]:
        return "a tab can't indent YAML; use spaces"
    host = _MARK.search(text)
    if host and not text[: host.start(1)].endswith(('"', "'")) and ("expected" in message or "mapping" in message):
        return f'{{ starts a mapping here; quote the host: "{host.group(1)}"'
    if at == "*" or "alias" in message:
        return f'* starts an alias here; quote the text: "{_word(text, column)}"'
    if at in {"@", "`", "%", "&", "!"} and at:
        return f"a text can't start with {at}; quote it"
    if "mapping values are not allowed" in message:
        return (
            "a key where none can stand: is the line before it indented like this one, or a value with ': ' unquoted?"
        )
    if "unexpected end of stream" in message and "quoted" in message:
        return "a quote is opened here and never closed"
    if "flow" in message:
        closing = "]" if "sequence" in message else "}"
        return f"expected ',' or '{closing}' ({message.partition(' (')[0]})"
    if "expected key" in message or "block end" in message:
        return "expected a key here; is this line indented like its neighbours?"
    if "could not find expected ':'" in message:
        return "expected a ':' after a key (on this line or the one before)"
    return f"not valid YAML: {message}"


def _word(text: str, column: int) -> str:
    return re.split(r"[\s,\]}]", text[column:], maxsplit=1)[0]


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


#: (text, offset) -> (value, end); StopIteration or ValueError where there is no JSON.
_scan_json: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_refuse
).scan_once  # type: ignore[attr-defined]


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(yaml12.MAX_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True
