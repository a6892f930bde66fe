"""What a file is, known by what it says: a gateway.yaml, a controller.yaml, a JSON Schema, or documents of a store."""

from __future__ import annotations

import re
from dataclasses import fields

from gwt.model.controlleroptions import ControllerSettings
from gwt.model.document import read_documents
from gwt.model.options import Settings
from gwt.model.route import Route
from gwt.model.schema import KINDS

GATEWAY, CONTROLLER, SCHEMA, DOCUMENTS = "gateway", "controller", "schema", "documents"

#: What files of settings are called where their keys do not tell (nothing in them can be read, say).
NAMES = {"gateway.yaml": GATEWAY, "controller.yaml": CONTROLLER}

_GATEWAY, _CONTROLLER = ({one.name for one in fields(cls)} - {"file"} for cls in (Settings, ControllerSettings))
_DOCUMENT = {*(one.name for one in fields(Route)), *KINDS} - {"source"}

#: The keys that speak for each kind. What settings and documents have in common speaks for neither.
KEYS = {
    DOCUMENTS: _DOCUMENT - _GATEWAY - _CONTROLLER,
    GATEWAY: _GATEWAY - _DOCUMENT - {"service_proxy"},
    CONTROLLER: _CONTROLLER - _DOCUMENT,
}
_SCHEMAS = "json-schema.org"
#: Nearly all files are documents, and most have none of these words: they need not be read to be known.
_OTHER = re.compile(rf"\b(?:{'|'.join(sorted(KEYS[GATEWAY] | KEYS[CONTROLLER]))})\b|{re.escape(_SCHEMAS)}")


def kind_of(text: str, name: str = "") -> str:
    """What the text of a file of this name is; documents where neither tells."""
    if name not in NAMES and not _OTHER.search(text):
        return DOCUMENTS
    first = next(read_documents(text, name), None)
    value = None if first is None else first.value
    keys = value if isinstance(value, dict) else {}
    if _SCHEMAS in str(keys.get("$schema")):
        return SCHEMA
    votes = {kind: len(known.intersection(keys)) for kind, known in KEYS.items()}
    most = max(votes.values())
    best = [kind for kind, count in votes.items() if count == most]
    if most and NAMES.get(name) not in best:
        return best[0]
    return NAMES.get(name, DOCUMENTS)
