"""Asking a running gateway over its admin listener."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from gwt.cli.command import CommandError

#: Seconds that an answer may take.
PATIENCE = 10.0


def ask(
    admin: str, path: str, query: Sequence[tuple[str, str]] = (), method: str = "GET", body: bytes | None = None
) -> Any:
    """What the admin listener at `admin` (http://HOST:PORT) answers about `path`, as JSON. CommandError in one line.

    GWT_ADMIN_TOKEN is sent where it is set.
    """
    base = admin if "://" in admin else f"http://{admin}"
    url = base.rstrip("/") + path + ("?" + urlencode(query) if query else "")
    token = os.environ.get("GWT_ADMIN_TOKEN")
    if not url.startswith(("http://", "https://")):
        raise CommandError(f"--admin takes an http or https URL, not {admin!r}")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = Request(url, body, headers, method=method)  # noqa: S310 (checked above)
    try:
        with urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            return json.load(answer)
    except HTTPError as error:
        hint = " (set GWT_ADMIN_TOKEN)" if error.code in (401, 403) else ""
        raise CommandError(f"{url}: {error.code} {_reason(error)}{hint}") from error
    except (URLError, OSError, ValueError) as error:
        raise CommandError(f"{base}: {getattr(error, 'reason', error)}") from error


def _reason(error: HTTPError) -> str:
    """What the gateway says of an error, else the status line's words."""
    try:
        return str(json.load(error)["error_msg"])
    except (ValueError, KeyError, TypeError, OSError):
        return str(error.reason)
