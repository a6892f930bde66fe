"""Generation: the code of one file of `plugin_path` as it was read at one time. The next change is another generation.

A generation lives for as long as anything of it may still be called: its type, a member of a chain, an instance that
still waits. Then it is taken apart by hand: classes are cycles, and a collector that has been told to overlook what is
old (`gwt.store.heap`) would never find them.
"""

from __future__ import annotations

import itertools
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import finalize

from gwt.phase.plugin import Plugin
from gwt.phase.plugintype import BadPlugin, PluginType

_numbers = itertools.count(1)


class Generation:
    """One file's module. It is in `sys.modules` only while it is being made."""

    __slots__ = ("__weakref__", "module")

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        finalize(self, take_apart, vars(module)).atexit = False


def load(path: Path) -> PluginType:
    """The plugin of a file. Raises BadPlugin, with the line where there is one, and OSError."""
    name = f"gwt.plugins._path_{next(_numbers)}_{path.stem}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses and annotations look it up there
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))  # noqa: S102 (code is what a plugin is)
        return PluginType(_only_plugin(module), str(path), Generation(module))
    except (BadPlugin, OSError):
        raise
    except SyntaxError as error:
        raise BadPlugin(f"line {error.lineno}: {error.msg}") from None
    except (Exception, SystemExit) as error:
        raise BadPlugin(f"{_line(error, path)}{type(error).__name__}: {error}") from None
    finally:
        del sys.modules[name]


def _only_plugin(module: ModuleType) -> type[Plugin]:
    own = [value for value in vars(module).values() if _is_plugin(value) and value.__module__ == module.__name__]
    if len(own) != 1:
        held = ", ".join(sorted(cls.name for cls in own)) or "none"
        raise BadPlugin(f"a file holds one plugin, a class with a name of its own; this one has {held}")
    return own[0]


def _is_plugin(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Plugin) and bool(value.__dict__.get("name"))


def _line(error: BaseException, path: Path) -> str:
    """`line N: ` of the file, as far up the traceback as it goes."""
    trace, line = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"line {line}: " if line else ""


def take_apart(namespace: dict[str, Any]) -> None:
    """Let go of what a module holds, and of what its classes hold: only their empty shells are left to a collector."""
    name = namespace.get("__name__")
    classes = [value for value in namespace.values() if isinstance(value, type) and value.__module__ == name]
    namespace.clear()
    for cls in classes:
        for attribute in list(vars(cls)):
            with suppress(AttributeError, TypeError):  # some belong to the shell itself
                delattr(cls, attribute)
