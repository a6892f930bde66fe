"""PluginType: a plugin's class as the gateway knows it: judged once, its schema derived, instances made from it.

What is wrong with a class is BadPlugin, what is wrong with a configuration Misfit, which names every place.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from gwt.model.build import builder
from gwt.model.derive import Deriver, Schema
from gwt.model.validate import Check, Fault, compile_schema, flatten
from gwt.model.yaml12 import PathTuple
from gwt.phase.plugin import PHASES, Misconfigured, Plugin

DRAFT = "http://json-schema.org/draft-07/schema#"

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}").fullmatch
_CLASS_ATTRIBUTES = ("name", "priority", "admits", "on_error", "version", "examples")
_RESERVED = frozenset((*_CLASS_ATTRIBUTES, *PHASES, "place", "phases", "warnings", "start", "stop", "on_config"))
#: What a field's name must not hold for its value to be repeated in a message.
_SENSITIVE = re.compile(r"secret|passw|token|keys|_key|users|hash|private|cert", re.IGNORECASE).search


class BadPlugin(ValueError):
    """A class that is no plugin; the message is for its author."""


class Misplaced(NamedTuple):
    """What is wrong at `path` of a configuration."""

    path: PathTuple
    message: str


class Misfit(ValueError):
    """A configuration that does not fit its plugin."""

    def __init__(self, faults: Iterable[Misplaced]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(fault.message for fault in self.faults))


@dataclasses.dataclass(frozen=True, slots=True)
class Meta:
    """What a configuration says of how its plugin runs; the key `_meta`.

    `disable` turns it off here, `priority` takes the place of the plugin's own, `mode: report` runs it but rejects
    nothing, `optional` lets the path stay open where the plugin is not installed.
    """

    disable: bool = False
    priority: Annotated[int | None, {"type": ["integer", "null"], "minimum": -(2**31), "maximum": 2**31}] = None
    mode: Literal["enforce", "report"] = "enforce"
    optional: bool = False


def _checked(cls: type) -> tuple[Schema, dict[str, Schema], Check]:
    deriver = Deriver({}, {}, None)
    schema = deriver.of_class(cls)
    return schema, deriver.definitions, compile_schema(schema, deriver.definitions)


_META_SCHEMA, _, _check_meta = _checked(Meta)
_build_meta = builder(Meta)
_NO_META = Meta()


def read_meta(conf: Mapping[str, Any]) -> Meta:
    """The `_meta` of a configuration. Raises Misfit."""
    if "_meta" not in conf:
        return _NO_META
    faults: list[Fault] = []
    if not isinstance(conf["_meta"], dict):
        raise Misfit([Misplaced(("_meta",), "_meta is a mapping of disable, priority, mode and optional")])
    _check_meta(conf["_meta"], (None, "_meta"), faults)
    if faults:
        raise Misfit(_told(faults))
    return _build_meta(conf["_meta"])


class PluginType:
    """One plugin's class. `place` says where it was found; `keeper` is kept for as long as this is (its module)."""

    __slots__ = ("__weakref__", "_build", "_check", "_definitions", "_schema", "cls", "keeper", "place")

    def __init__(self, cls: type[Plugin], place: str = "", keeper: Any = None) -> None:
        _judge(cls)
        self.cls, self.place, self.keeper = cls, place, keeper
        try:
            self._schema, self._definitions, self._check = _checked(cls)
            self._build = builder(cls)
        except Exception as error:
            raise BadPlugin(f"no schema can be made of its fields: {type(error).__name__}: {error}") from error
        if cls.__dataclass_params__.repr:  # type: ignore[attr-defined]
            cls.__repr__ = Plugin.__repr__  # type: ignore[method-assign]  # a configuration may hold secrets

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.cls.name

    def schema(self) -> Schema:
        """The JSON Schema (draft-07) of a configuration, `_meta` included."""
        properties = {**self._schema["properties"], "_meta": _META_SCHEMA}
        whole = {"$schema": DRAFT, **self._schema, "title": self.name, "properties": properties}
        return {**whole, "definitions": self._definitions} if self._definitions else whole

    def make(self, conf: Mapping[str, Any]) -> Plugin:
        """An instance for this configuration. Raises Misfit."""
        plain = {key: value for key, value in conf.items() if key != "_meta"}
        faults: list[Fault] = []
        self._check(plain, None, faults)
        if faults:
            raise Misfit(_told(faults))
        try:
            made = self._build(plain)
        except Misconfigured as error:
            raise Misfit([Misplaced((error.field,) if error.field else (), _named(error.field, error))]) from None
        except Exception as error:
            said = str(error) if isinstance(error, ValueError) else f"{type(error).__name__} in its __post_init__"
            raise Misfit([Misplaced((), said)]) from None
        if self.keeper is not None and hasattr(made, "__dict__"):
            object.__setattr__(made, "_keeper", self.keeper)  # its module lasts as long as it may still run
        return made

    def __repr__(self) -> str:
        return f"<PluginType {self.name}{' ' + self.cls.version if self.cls.version else ''} of {self.place}>"


def _judge(cls: type[Plugin]) -> None:
    """Raise BadPlugin where the class breaks the contract."""
    if not _NAME(cls.name):
        raise BadPlugin(f"its name {cls.name!r} is none: a-z, 0-9, - _ and ., at most 100")
    if "__dataclass_fields__" not in cls.__dict__ or not cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise BadPlugin("its class needs @dataclass(frozen=True): its fields are the configuration")
    taken = _RESERVED.intersection(field.name for field in dataclasses.fields(cls))  # type: ignore[arg-type]
    if taken:
        raise BadPlugin(f"a field can't be called {', '.join(sorted(taken))}; a class attribute has no annotation")
    if type(cls.priority) is not int:
        raise BadPlugin("its priority is a whole number")
    if cls.on_error not in ("deny", "skip"):
        raise BadPlugin(f"on_error is deny or skip, not {cls.on_error!r}")
    if cls.admits and cls.on_error == "skip":
        raise BadPlugin("on_error: skip is refused where admits is true: it would let everybody in when it fails")
    methods = [name for name in (*PHASES, "start", "stop", "on_config") if hasattr(cls, name)]
    strange = [name for name in methods if not callable(getattr(cls, name))]
    if strange:
        raise BadPlugin(f"{', '.join(strange)} must be a method")


def _told(faults: Iterable[Fault]) -> Iterable[Misplaced]:
    for fault in faults:
        path = flatten(fault.trail)
        yield Misplaced(*_masked(path, _named(".".join(map(str, path)), fault.message)))


def _named(field: str, message: object) -> str:
    return f"{field}: {message}" if field else str(message)


def _masked(path: PathTuple, message: str) -> tuple[PathTuple, str]:
    """Neither what a secret field holds nor the keys within it are repeated."""
    for depth, step in enumerate(path):
        if isinstance(step, str) and _SENSITIVE(step):
            cut = path[: depth + 1]
            what = message.partition(": ")[2] if ": " in message else message
            return cut, _named(".".join(map(str, cut)), what.partition(", got ")[0])
    return path, message
