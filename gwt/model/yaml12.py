"""YAML 1.2 (core schema) for documents that strangers write: text to nodes, nodes to plain values, paths to places.

PyYAML's composer, in C where libyaml is there, with its YAML 1.1 resolver taken out: scalars are read by the core
schema of YAML 1.2 (`no`, `on`, `12:30` and dates are strings, octal is `0o17`). Tags other than those of the core
schema are refused, depth and alias expansion are bounded. Merge keys (`<<`) work as everywhere in Kubernetes' world.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

CParser: Any
try:
    from yaml._yaml import CParser
except ImportError:  # PyYAML without libyaml: the same, slower
    CParser = None

#: Levels of nesting. The C composer recurses on the C stack: without a bound a document can crash the process.
MAX_DEPTH: Final = 100
#: What one document may grow to by aliases: this many nodes, or four a character of its text.
ALIAS_FLOOR: Final = 10_000

PathKey = str | int
PathTuple = tuple[PathKey, ...]

_STR = "tag:yaml.org,2002:str"
_PLAIN = "?"
_CORE = {f"tag:yaml.org,2002:{name}": name for name in ("null", "bool", "int", "float", "str", "seq", "map")}

_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    ".nan": float("nan"), ".NaN": float("nan"), ".NAN": float("nan"),
}  # fmt: skip
_WORDS.update((sign + word, float(f"{sign}inf")) for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF"))
_INT = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")


class YamlError(ValueError):
    """Text that is no YAML, or YAML that is refused. `line` and `column` count from 0 within the text."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


class _Resolver:
    """What the composer asks of a resolver: says only whether a scalar was plain, and bounds the depth."""

    depth = 0

    def resolve(self, kind: type, value: str | None, implicit: Any) -> str:
        return _PLAIN if implicit is True or (isinstance(implicit, tuple) and implicit[0]) else _STR

    def descend_resolver(self, parent: Any, index: Any) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            mark = getattr(parent, "start_mark", None)
            line, column = (mark.line, mark.column) if mark else (0, 0)
            raise YamlError(f"nested deeper than {MAX_DEPTH} levels", line, column)

    def ascend_resolver(self) -> None:
        self.depth -= 1


class _PureComposer(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer, _Resolver):
    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        yaml.composer.Composer.__init__(self)


if CParser is not None:

    class _FastComposer(_Resolver, CParser):
        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)

    _Composer: Any = _FastComposer
else:
    _Composer = _PureComposer


def compose(text: str) -> Any:
    """The node tree of the one document in `text`, None where it is empty. Raises YamlError."""
    try:
        return _Composer(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = _mark(error)
        line, column = (mark.line, mark.column) if mark else (0, 0)
        raise YamlError(_say(error), line, column) from None
    except yaml.reader.ReaderError as error:
        where = text.find(chr(error.character)) if isinstance(error.character, int) else -1
        before = text[: max(where, 0)]
        message = f"character #x{ord(text[where]):02x} is not allowed here" if where >= 0 else str(error.reason)
        raise YamlError(message, before.count("\n"), where - before.rfind("\n") - 1 if where >= 0 else 0) from None
    except UnicodeError:
        raise YamlError("not valid Unicode: a lone surrogate") from None
    except RecursionError:
        raise YamlError(f"nested deeper than {MAX_DEPTH} levels") from None


def _mark(error: yaml.MarkedYAMLError) -> Any:
    """Where to point: what was opened and never closed is of more use than the place where that was noticed."""
    opened = ("flow sequence", "flow mapping", "quoted scalar")
    late = error.problem_mark and error.context_mark and error.problem_mark.line > error.context_mark.line
    if late and any(word in str(error.context) for word in opened):
        return error.context_mark
    return error.problem_mark or error.context_mark


def _say(error: yaml.MarkedYAMLError) -> str:
    problem = str(error.problem or "not valid YAML")
    context = str(error.context or "")
    return f"{problem} ({context})" if context else problem


class Constructor:
    """Turns a node tree into dicts, lists and scalars; what is wrong on the way goes to `faults`.

    `faults` holds (message, line, column) with places counted from 0. A faulty part still gets a value, so that
    one fault does not hide the others.
    """

    def __init__(self, size: int) -> None:
        self.faults: list[tuple[str, int, int]] = []
        self._left = max(ALIAS_FLOOR, 4 * size)

    def value(self, node: Any, depth: int = 0) -> Any:
        """The plain value of `node`. Raises YamlError where aliases expand without end."""
        self._spend(1 if depth <= MAX_DEPTH else self._left + 1, node)
        if isinstance(node, yaml.ScalarNode):
            tag = node.tag
            return node.value if tag == _STR else self._scalar(node, tag)
        if node.tag != _PLAIN and _CORE.get(node.tag) not in ("seq", "map"):
            self._refuse_tag(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, depth + 1) for item in node.value]
        return self._mapping(node, depth)

    def _spend(self, nodes: int, node: Any) -> None:
        self._left -= nodes
        if self._left < 0:
            raise YamlError("aliases (*) that expand too far", node.start_mark.line, node.start_mark.column)

    def _mapping(self, node: Any, depth: int) -> dict[str, Any]:
        if any(key.tag == _PLAIN and key.value == "<<" for key, _ in node.value):
            self._merge(node)
        result: dict[str, Any] = {}
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._fault("a key must be a word; if {...} or [...] is meant as text, quote it", key)
                continue
            name = key.value
            if name in result:
                self._fault(f"duplicate key {name!r}", key)
                continue
            result[name] = self.value(item, depth + 1)
        return result

    def _merge(self, node: Any) -> None:
        """Expand `<<` in place, so that values and places agree; what the mapping itself says wins."""
        own: list[Any] = []
        merged: list[Any] = []
        for key, item in node.value:
            if not (key.tag == _PLAIN and key.value == "<<"):
                own.append((key, item))
                continue
            for source in item.value if isinstance(item, yaml.SequenceNode) else [item]:
                if isinstance(source, yaml.MappingNode):
                    self._spend(len(source.value), key)
                    merged.extend(source.value)
                else:
                    self._fault("<< takes a mapping, or a list of mappings", key)
        taken = {key.value for key, _ in own if isinstance(key, yaml.ScalarNode)}
        for key, item in merged:
            if isinstance(key, yaml.ScalarNode) and key.value not in taken and key.value != "<<":
                taken.add(key.value)
                own.append((key, item))
        node.value = own

    def _scalar(self, node: Any, tag: str) -> Any:
        text = node.value
        if tag == _PLAIN:
            return self._number(node, plain(text))
        kind = _CORE.get(tag)
        value = plain(text)
        fits = {"null": value is None, "bool": value is True or value is False, "int": type(value) is int}
        if kind == "float" and type(value) in (int, float):
            return float(value)
        if kind is None or not fits.get(kind, False):
            self._refuse_tag(node)
            return text
        return value

    def _number(self, node: Any, value: Any) -> Any:
        if value is _TOO_LONG:
            self._fault("a number of too many digits", node)
            return 0
        return value

    def _refuse_tag(self, node: Any) -> None:
        self._fault(f"tag {node.tag!r} is not allowed here", node)

    def _fault(self, message: str, node: Any) -> None:
        self.faults.append((message, node.start_mark.line, node.start_mark.column))


_TOO_LONG: Final = object()


def plain(text: str) -> Any:
    """What a plain scalar means by the core schema of YAML 1.2 (section 10.3.2)."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INT.match(text):
        if len(text) > 400:
            return _TOO_LONG
        return int(text, 8 if text.startswith("0o") else 16 if text.startswith("0x") else 10)
    return float(text) if _FLOAT.match(text) else text


def find(root: Any, path: PathTuple, on_key: bool = False) -> tuple[int, int]:
    """Line and column (from 0) of what `path` names below `root`, or of the nearest thing above it.

    With `on_key` the place of the last key of `path` instead of its value's.
    """
    mark = root.start_mark
    node = root
    for number, step in enumerate(path):
        key, value = child(node, step)
        if value is None:
            break
        mark = key.start_mark if on_key and number == len(path) - 1 else value.start_mark
        node = value
    return mark.line, mark.column


def child(node: Any, step: PathKey) -> tuple[Any, Any]:
    """The key and the value of a member of a node (of a list, twice the item); twice None where there is none."""
    if isinstance(node, yaml.SequenceNode):
        if isinstance(step, int) and 0 <= step < len(node.value):
            return node.value[step], node.value[step]
    elif isinstance(node, yaml.MappingNode):
        for key, item in node.value:
            if key.value == step:
                return key, item
    return None, None


def literal_indent(root: Any, path: PathTuple, lines: list[str]) -> tuple[int, int] | None:
    """Where the text of a literal block scalar (`|`) begins: its first line (from 0) and its indentation.

    None where `path` names another kind of scalar: then a place within the text has no place in the file.
    """
    node = root
    for step in path:
        node = child(node, step)[1]
        if node is None:
            return None
    if not isinstance(node, yaml.ScalarNode) or node.style != "|":
        return None
    first = int(node.start_mark.line) + 1
    for line in lines[first:]:
        if line.strip():
            return first, len(line) - len(line.lstrip(" "))
    return None


def keys(node: Any) -> Iterator[str]:
    """The scalar keys of a mapping node, in order."""
    return (key.value for key, _ in getattr(node, "value", ()) if isinstance(key, yaml.ScalarNode))
