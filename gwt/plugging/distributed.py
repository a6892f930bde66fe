"""Plugins that come with Python packages: gwt's own and those that other distributions put beside them.

Found by Twisted's plugin system in the package gwt.plugins, wherever on sys.path parts of it lie. A distribution that
is installed while the gateway runs is found at the next look; code that was imported once stays until a restart.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Mapping
from typing import Any

from twisted.plugin import getPlugins, pluginPackagePaths

from gwt import plugins
from gwt.phase.installed import Broken
from gwt.phase.plugin import IGatewayPlugin, Plugin
from gwt.phase.plugintype import BadPlugin, PluginType

#: Types by class: what was found once is the same the next time.
Known = Mapping[type[Plugin], PluginType]


def distributed(known: Known, package: Any = plugins) -> tuple[list[PluginType], list[Broken]]:
    """The types that there are, those in `known` as they stand there; and what is no plugin, though it should be."""
    importlib.invalidate_caches()
    package.__path__.extend(path for path in pluginPackagePaths(package.__name__) if path not in package.__path__)
    types: list[PluginType] = []
    broken: list[Broken] = []
    found: Any = dict.fromkeys(getPlugins(IGatewayPlugin, package))
    for cls in found:
        place = str(getattr(sys.modules.get(cls.__module__), "__file__", cls.__module__))
        try:
            types.append(known.get(cls) or PluginType(cls, place))
        except BadPlugin as error:
            broken.append(Broken(place, str(error), str(cls.name)))
    return types, [*broken, *_failing(package, {cls.__module__ for cls in found})]


def _failing(package: Any, found: set[str]) -> list[Broken]:
    """Modules of the package that can't be imported, and why; Twisted's plugin system only says so in the log."""
    failing = []
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if module.name in found:
            continue
        try:
            importlib.import_module(module.name)
        except Exception as error:
            failing.append(Broken(module.name, f"{type(error).__name__}: {error}"))
    return failing
