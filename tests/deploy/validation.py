"""Objects against the schemas of the Kubernetes API; kinds of others' (Prometheus's) are passed over."""

from __future__ import annotations

from typing import Any

import kubernetes_validate

#: The oldest release that has all that is used, and one of the newest.
RELEASES = ("1.30", "1.36")

OTHERS = "monitoring.coreos.com/"


def problem_of(value: dict[str, Any], release: str) -> str | None:
    """What is wrong with `value`, unknown fields included."""
    if value["apiVersion"].startswith(OTHERS):
        return None
    try:
        kubernetes_validate.validate(value, release, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{value['kind']} {value['metadata']['name']}: {'.'.join(map(str, error.path))}: {error.message}"
    return None
