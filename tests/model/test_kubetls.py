"""Secrets of type kubernetes.io/tls as certificates, and documents that show no keys when they are wrong."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from certificates import Authority

from gwt.model.kubetls import certificate_of
from gwt.model.others import CertificatesDoc
from gwt.model.parse import parse_file

CA = Authority()
PAIR = CA.pair("a.example.com")


def secret(annotations: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    held = {
        "tls.crt": PAIR.cert,
        "tls.key": PAIR.key,
        "ca.crt": CA.pem,
        **{k.replace("_", "."): v for k, v in data.items()},
    }
    return {
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": "web", "namespace": "shop", "annotations": annotations or {}},
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in held.items()},
    }  # fmt: skip


def test_a_secret_is_a_certificate() -> None:
    [document] = parse_file(json.dumps(secret()), "s.yaml").documents
    assert isinstance(document, CertificatesDoc)
    found = document.certificates["shop/web"]
    assert (found.names, found.client_auth) == (("a.example.com",), None)
    annotations = {"gwt.io/tls-names": "b.example.com, *.c.example.com", "gwt.io/client-auth": "require"}
    found = certificate_of(secret(annotations))
    assert found.names == ("b.example.com", "*.c.example.com")
    assert found.client_auth is not None
    assert (found.client_auth.mode, found.client_auth.ca) == ("require", CA.pem)
    plain = {**secret(), "data": None, "stringData": {"tls.crt": PAIR.cert, "tls.key": PAIR.key}}
    assert certificate_of(plain).names == ("a.example.com",)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (secret(tls_key="x"), "no private key"),
        ({**secret(), "data": {}}, "has no tls.crt"),
        ({**secret(), "data": {"tls.crt": 1}}, "is a text"),
        ({**secret(), "data": {"tls.crt": "?"}}, "no base64"),
        (secret({"gwt.io/client-auth": "maybe"}), "optional or require"),
        (secret({"gwt.io/client-auth": "require"}, ca_crt="x"), "authority"),
    ],
)
def test_a_wrong_one_is_a_problem(value: dict[str, Any], said: str) -> None:
    parsed = parse_file(json.dumps(value), "s.yaml")
    assert said in parsed.errors[0].message
    assert parsed.errors[0].message.startswith("Secret shop/web: ")


def test_other_secrets_are_of_no_use() -> None:
    [problem] = parse_file(json.dumps({**secret(), "type": "Opaque"}), "s.yaml").problems
    assert (problem.severity, "a Secret is of no use" in problem.message) == ("warning", True)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"key": "x"}, "no private key"),
        ({"key": CA.pair("b").key}, "not that of the certificate"),
        ({"names": ["a b"]}, "expected a host name"),
        ({"client_auth": {"mode": "require", "ca": "x"}}, "authority"),
        ({"client_auth": {"mode": "maybe", "ca": CA.pem}}, "optional or require"),
        ({"more": 1}, "more"),
        ({"cert": None}, "expected a text"),
    ],
)
def test_documents_show_no_key(change: dict[str, Any], said: str, indent: int | None) -> None:
    value = {"tls": {"web": {"cert": PAIR.cert, "key": PAIR.key, **change}}}
    parsed = parse_file(json.dumps(value, indent=indent), "t.yaml")
    told = "".join(f"{problem.message} {problem.text}" for problem in parsed.problems)
    assert said in told
    for key in (PAIR.key, str(change.get("key", PAIR.key))):
        assert all(line not in told for line in key.splitlines()[1:-1])


def test_broken_yaml_shows_no_key() -> None:
    lines = "".join(f"      {line}\n" for line in PAIR.key.splitlines())
    for text in (
        f"tls:\n  web:\n    cert: x\n    key: |\n{lines.replace('      MIG', '   MIG')}",
        f"tls:\n  web:\n    cert: x\n    key: {PAIR.key}",
        f"kind: Secret\ndata:\n  tls.key: {base64.b64encode(PAIR.key.encode()).decode()} : x\n",
    ):
        told = "".join(f"{problem.message} {problem.text}" for problem in parse_file(text, "t.yaml").problems)
        assert told
        assert all(line not in told for line in PAIR.key.splitlines()[1:-1])
        assert base64.b64encode(PAIR.key.encode()).decode()[:80] not in told


def test_a_document_of_certificates_is_read() -> None:
    value = {"tls": {"web": {"cert": PAIR.cert, "key": PAIR.key, "client_auth": {"mode": "optional", "ca": CA.pem}}}}
    [document] = parse_file(json.dumps(value), "t.yaml").documents
    assert isinstance(document, CertificatesDoc)
    assert document.certificates["web"].client_auth is not None
    assert parse_file(json.dumps({"tls": {"a b": value["tls"]["web"]}}), "t.yaml").errors
