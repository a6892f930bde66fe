"""A document with faults -> one without them, so that the checks behind the schema can still find the others.

All problems are told at once: what the schema refused is taken out, or replaced by something harmless where it is
needed. Nothing made here is ever used; only the faults that reading it gives are, and of these only those that what was
taken out can't have caused.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from gwt.model.validate import Fault, flatten
from gwt.model.yaml12 import PathTuple

#: What stands for a key that the readers of documents rely on, and for gateway.yaml.
DOCUMENTS: Mapping[str, Any] = {
    "hosts": [], "services": [], "paths": [], "uri": "/", "rate": 0, "mark": "", "sticky": "user", "url": "/",
    "action": "deny", "address": "192.0.2.1:80", "upstreams": {}, "rules": [], "lists": {}, "consumers": {},
    "stream": "", "tls": {}, "cert": "", "key": "", "mode": "require", "ca": "",
}  # fmt: skip
SETTINGS: Mapping[str, Any] = {
    "url": "http://example.invalid/", "cert": "", "key": "", "mode": "require", "ca": "",
}  # fmt: skip


def mended(value: dict[str, Any], faults: Iterable[Fault], harmless: Mapping[str, Any] = DOCUMENTS) -> dict[str, Any]:
    """A copy of `value` that passes the schema by which `faults` were found."""
    result = copy.deepcopy(value)
    for fault in faults:
        if fault.missing:
            owner = _at(result, flatten(fault.trail))
            if isinstance(owner, dict):
                owner[fault.missing] = copy.deepcopy(harmless.get(fault.missing))
        elif fault.on_key:
            *above, key = flatten(fault.trail)
            owner = _at(result, tuple(above))
            if isinstance(owner, dict):
                owner.pop(str(key), None)
        else:
            _take_out(result, flatten(fault.trail), harmless)
    return result


def _at(value: Any, path: PathTuple) -> Any:
    for step in path:
        if isinstance(value, dict) and step in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _take_out(value: Any, path: PathTuple, harmless: Mapping[str, Any]) -> None:
    """Remove the innermost key on the way to `path`: an item of a list goes with its list, places stay as they are."""
    while path:
        *above, last = path
        owner = _at(value, tuple(above))
        if isinstance(owner, dict):
            if last in harmless and last in owner:
                owner[str(last)] = copy.deepcopy(harmless[str(last)])
            else:
                owner.pop(str(last), None)
            return
        path = tuple(above)


def independent(found: Iterable[Fault], faults: Iterable[Fault]) -> list[Fault]:
    """Those errors of `found` (in a mended document) of which none of `faults` can be the cause."""
    broken = {_owner(fault) for fault in faults}
    kept = []
    for fault in found:
        path = flatten(fault.trail)
        own_rule = path[:2] if path[:1] == ("rules",) else path
        if fault.severity == "error" and path not in broken and own_rule not in broken:
            kept.append(fault)
    return kept


def _owner(fault: Fault) -> PathTuple:
    """The mapping that lacks something, or from which something was taken."""
    path = flatten(fault.trail)
    if fault.missing:
        return path
    path = path[:-1]
    while path and isinstance(path[-1], int) and path[-2:-1] not in (("services",), ("paths",), ("rules",)):
        path = path[:-2]
    return path
