"""/v1/certificates: the certificates of the store that are in force, and never a key."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from gwt.admin.answers import PAUSE, Reply, failed
from gwt.admin.order import Page, ascending
from gwt.model.certificate import Certificate
from gwt.model.problem import to_dict
from gwt.snapshot import Snapshot


def listing(snapshot: Snapshot, limit: int | None, after: str | None) -> Reply:
    """All of them by name."""
    held = snapshot.certificates
    page = Page(ascending(held, after), limit)
    body = {
        "revision": _revision(snapshot),
        "certificates": page.rows(lambda name: (name, shown(name, held[name]))),
        "next": lambda: page.next,
    }
    return Reply(body, etag=str(_revision(snapshot)))


def one(snapshot: Snapshot, name: str) -> Reply:
    """The one of that name with its chain, and what is wrong with what the store holds for it now."""
    certificate = snapshot.certificates.get(name)
    if certificate is None:
        return failed(404, "no_such_certificate", f"no certificate of the store named {name!r} is in force")
    told = {**shown(name, certificate), "cert": certificate.chain, "problems": _problems(snapshot, name)}
    return Reply({"revision": _revision(snapshot), **told}, etag=str(_revision(snapshot)))


def shown(name: str, certificate: Certificate) -> dict[str, Any]:
    """A certificate; times in RFC 3339, `fingerprint` is the SHA-256 of its DER."""
    first = certificate.chain.partition("-----END CERTIFICATE-----")
    der = ssl.PEM_cert_to_DER_cert(first[0] + first[1])
    demand = certificate.client_auth
    return {
        "name": name,
        "names": list(certificate.names),
        "begins": _time(certificate.begins),
        "ends": _time(certificate.ends),
        "fingerprint": hashlib.sha256(der).hexdigest(),
        "client_auth": None if demand is None else demand.mode,
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _problems(snapshot: Snapshot, name: str) -> Iterator[Any]:
    for number, problem in enumerate(snapshot.document_problems):
        if problem.name == name or problem.file == f"certificates/{name}":
            yield to_dict(problem)
        elif number % 100 == 0:
            yield PAUSE


def _revision(snapshot: Snapshot) -> int:
    """What If-Match of a change to a certificate is held against."""
    return snapshot.revision if snapshot.certificates_revision is None else snapshot.certificates_revision
