"""`resources:` of gateway.yaml: names -> twisted.web resources, made by what `package.module:factory` names."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from twisted.web.resource import IResource

NOTHING: Mapping[str, Any] = {}


class ResourceError(Exception):
    """A resource that can't be made; its text is one line for people."""


def load_resources(
    wanted: Mapping[str, str], before: Mapping[str, str] = NOTHING, made: Mapping[str, IResource] = NOTHING
) -> dict[str, IResource]:
    """Make all of `wanted`; those that were already `made` from the same text are kept. Raises ResourceError."""
    return {
        name: made[name] if name in made and before.get(name) == text else load_resource(name, text)
        for name, text in wanted.items()
    }


def load_resource(name: str, text: str) -> IResource:
    """Import `package.module:factory` and call it. Raises ResourceError."""
    module, _, path = text.partition(":")
    try:
        found: Any = import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
        resource = found()
    except Exception as error:
        raise ResourceError(f"resources.{name}: {text}: {type(error).__name__}: {error}") from error
    if not IResource.providedBy(resource):
        made = type(resource).__name__
        raise ResourceError(f"resources.{name}: {text} made a {made}, which is no twisted.web resource")
    return resource
