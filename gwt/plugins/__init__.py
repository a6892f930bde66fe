"""The built-in plugins, one file each. Other distributions add theirs as gwt/plugins/NAME.py (see twisted.plugin)."""

from twisted.plugin import pluginPackagePaths

__path__.extend(pluginPackagePaths(__name__))
__all__: list[str] = []
