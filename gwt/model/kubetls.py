"""A Secret of type kubernetes.io/tls as a certificate: `tls.crt`, `tls.key`, and of clients what annotations ask.

`gwt.io/tls-names` (a list with commas) takes the place of the names that it bears; `gwt.io/client-auth` (optional or
require) asks clients for a certificate that an authority in `ca.crt` has signed.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from gwt.model.certificate import Certificate, ClientAuth, read_bundle, read_certificate

TYPE: Final = "kubernetes.io/tls"
NAMES, CLIENT_AUTH = "gwt.io/tls-names", "gwt.io/client-auth"


def certificate_of(value: Mapping[str, Any]) -> Certificate:
    """The certificate in a Secret. ValueError with a reason that shows nothing of it."""
    metadata = value.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    annotations = annotations if isinstance(annotations, Mapping) else {}
    names = [name.strip() for name in str(annotations.get(NAMES, "")).split(",") if name.strip()]
    return read_certificate(_text(value, "tls.crt"), _text(value, "tls.key"), names, _client_auth(value, annotations))


def _client_auth(value: Mapping[str, Any], annotations: Mapping[str, Any]) -> ClientAuth | None:
    mode = annotations.get(CLIENT_AUTH)
    if mode is None:
        return None
    if mode not in ("optional", "require"):
        raise ValueError(f"{CLIENT_AUTH} is optional or require")
    return ClientAuth(mode, read_bundle(_text(value, "ca.crt")))


def _text(value: Mapping[str, Any], key: str) -> str:
    for field in ("stringData", "data"):
        held = value.get(field)
        text = held.get(key) if isinstance(held, Mapping) else None
        if text is None:
            continue
        if not isinstance(text, str):
            raise ValueError(f"{key} of the Secret is a text")
        return text if field == "stringData" else _decoded(key, text)
    raise ValueError(f"the Secret has no {key}")


def _decoded(key: str, text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise ValueError(f"{key} of the Secret is no base64 of PEM") from None
