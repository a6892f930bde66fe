"""Bodies of changes: one document each, and the answer where it can't be used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gwt.admin.answers import Reply, failed
from gwt.model.document import decode, read_documents
from gwt.model.problem import to_dict
from gwt.model.route import Problem


class Refused(Exception):
    """A change that is not made, and the answer that says so."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def route_document(body: bytes, name: str) -> dict[str, Any]:
    """The one Route of a body, called `name`. Raises Refused."""
    document = sole(body, f"routes/{name}", "Route")
    if document.setdefault("name", name) != name:
        message = f"the document is called {document['name']!r}, the path says {name!r}"
        raise Refused(failed(400, "bad_document", message))
    return document


def sole(body: bytes, place: str, what: str) -> dict[str, Any]:
    """The one document of a body, YAML or JSON, as it is. Raises Refused."""
    text, problems = decode(body, place)
    refuse(problems)
    documents = list(read_documents(text, place))
    refuse([problem for one in documents for problem in one.problems])
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise Refused(failed(400, "bad_document", f"expected one {what}, got {len(documents)} documents"))
    return documents[0].value


def json_of(body: bytes) -> Any:
    """A body of JSON. Raises Refused."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(failed(400, "bad_document", f"this is no JSON: {error}")) from None


def refuse(problems: Sequence[Problem]) -> None:
    """Raises Refused where there are any."""
    if problems:
        told = [to_dict(one) for one in problems]
        raise Refused(failed(400, "bad_document", problems[0].message, problems=told))
