"""All tests run with the compiled short cut, where it was built, as the gateway does."""

from gwt import shortcuts

shortcuts.install()
