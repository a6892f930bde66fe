"""Authorities: whose signature makes a server's certificate good."""

from __future__ import annotations

_END = b"-----END CERTIFICATE-----"


def authorities(path: str) -> list[bytes]:
    """The certificates in the file at `path`, each as PEM. Raises OSError, and ValueError where there is none."""
    with open(path, "rb") as file:
        text = file.read()
    found = [one + _END for one in text.split(_END)[:-1]]
    if not found:
        raise ValueError(f"{path} holds no certificate")
    return found
