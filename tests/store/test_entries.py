"""Entries of a shared store, as Content."""

from __future__ import annotations

import json
from typing import Any

import pytest
from certificates import Authority
from hypothesis import given
from hypothesis import strategies as st

from gwt.model.problem import format_problem, to_dict
from gwt.model.route import EndpointSpec, Route
from gwt.store.content import CertificatePart, ConsumerPart, ListPart, RulesPart, ServicePart
from gwt.store.entries import Entry, entry_content, read_entry
from gwt.store.follow import PART_OF

DOC = {"hosts": ["a.example.com"], "services": [{"name": "s", "port": 80, "paths": [{"uri": "/"}]}]}
#: Values of JSON.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def parts(hash_: str, name: str, value: Any) -> list[Any]:
    content = entry_content(hash_, name, json.dumps(value).encode())
    assert not content.problems, content.problems
    return [part for doc in content.docs for part in doc.parts]


@pytest.mark.parametrize("value", [DOC, {"doc": DOC}, {"doc": DOC, "source": "kube", "origin": "ns/cm/key"}])
def test_a_route_bare_or_wrapped_is_called_as_its_field(value: Any) -> None:
    (route,) = parts("routes", "shop", value)
    assert isinstance(route, Route) and route.name == "shop" and route.hosts == ("a.example.com",)


def test_a_route_s_own_name_counts() -> None:
    (route,) = parts("routes", "shop", {"name": "other", **DOC})
    assert route.name == "other"


def test_the_other_kinds() -> None:
    rule = {"url": "/a", "action": "deny"}
    for written in (rule, [rule], {"rules": [rule]}, {"doc": {"rules": [rule]}}):
        (one,) = parts("rules", "first", written)
        assert isinstance(one, RulesPart) and one.rules[0].url == "/a"
    assert parts("lists", "office", ["10.0.0.0/8"]) == [ListPart("office", ("10.0.0.0/8",))]
    assert parts("consumers", "bob", {"key-auth": {"key": "k"}}) == [ConsumerPart("bob", {"key-auth": {"key": "k"}})]


CA = Authority()
PAIR = CA.pair("www.example.com", "*.example.org")
CERTIFICATE = {"cert": PAIR.cert + CA.pem, "key": PAIR.key}
OTHER = CA.pair("other.example.com")
GONE = CA.pair("gone.example.com", days=-1)


@pytest.mark.parametrize(
    "value", [CERTIFICATE, {"doc": CERTIFICATE}, {"doc": CERTIFICATE, "source": "kube", "origin": "shop/www"}]
)
def test_a_certificate_is_that_of_its_document(value: Any) -> None:
    (part,) = parts("certificates", "shop/www", value)
    assert isinstance(part, CertificatePart) and part.name == "shop/www"
    assert part.certificate.names == ("www.example.com", "*.example.org")
    assert part.certificate.chain.count("BEGIN") == 2 and PAIR.key not in repr(part)


def test_a_certificate_says_what_else_it_asks() -> None:
    value = {**CERTIFICATE, "names": ["*"], "client_auth": {"mode": "require", "ca": CA.pem}}
    (part,) = parts("certificates", "www", value)
    assert part.certificate.names == ("*",) and part.certificate.client_auth.mode == "require"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("www", {**CERTIFICATE, "key": OTHER.key}, "not that of the certificate"),
        ("www", {"cert": CA.pem + PAIR.cert, "key": PAIR.key}, "must come first"),
        ("www", {**CERTIFICATE, "cert": "garbage"}, "no certificate in PEM"),
        ("www", {**CERTIFICATE, "key": PAIR.key[:60] + "x" + PAIR.key[60:]}, "private key can't be read"),
        ("www", {"cert": PAIR.cert}, "key"),
        ("www", {**CERTIFICATE, "keys": 1}, "unknown key"),
        ("w w", CERTIFICATE, "can't be a certificate's name"),
        ("a/b/c", CERTIFICATE, "can't be a certificate's name"),
        ("www", None, "no document"),
    ],
)
def test_a_certificate_that_can_t_be_used_is_told_by_its_place(name: str, value: Any, said: str) -> None:
    content = entry_content("certificates", name, json.dumps({"doc": value}).encode())
    (problem,) = content.problems
    assert problem.file == f"certificates/{name}" and said in problem.message
    assert not [part for doc in content.docs for part in doc.parts]


SECRET = PAIR.key.splitlines()[1:-1]


@given(VALUES, st.sampled_from(["doc", "cert", "key", "names", "client_auth", "mode", "ca", "more", "extra"]))
def test_no_problem_with_a_certificate_shows_its_key(garbage: Any, where: str) -> None:
    value: dict[str, Any] = {**CERTIFICATE, "client_auth": {"mode": "require", "ca": CA.pem}}
    match where:
        case "doc":
            entry: Any = {"doc": [PAIR.key, garbage]}
        case "mode" | "ca":
            entry = {"doc": {**value, "client_auth": {**value["client_auth"], where: PAIR.key}}}
        case "names":
            entry = {"doc": {**value, "names": [PAIR.key, garbage]}}
        case "more":
            entry = {**value, PAIR.key: garbage}
        case _:
            entry = {"doc": {**value, where: garbage}, "source": PAIR.key}
    content = entry_content("certificates", "www", json.dumps(entry).encode())
    said = (
        "".join(map(format_problem, content.problems))
        + repr(content)
        + json.dumps(list(map(to_dict, content.problems)))
    )
    assert not any(line in said for line in SECRET)


def test_a_service() -> None:
    value = {
        "protocol": "grpc", "port_name": "rpc", "source": "kube",
        "endpoints": [{"address": "10.0.0.1:80"}, {"address": "10.0.0.2:80", "ready": False, "terminating": True,
                                                    "serving": True, "weight": 3, "zone": "z"}],
    }  # fmt: skip
    (part,) = parts("services", "n/s:80", value)
    assert isinstance(part, ServicePart)
    spec = part.spec
    assert (spec.key, spec.protocol, spec.port_name, spec.source) == ("n/s:80", "grpc", "rpc", "kube")
    assert spec.endpoints == (
        EndpointSpec("10.0.0.1:80"),
        EndpointSpec("10.0.0.2:80", False, True, True, 3, "z"),
    )


@pytest.mark.parametrize(
    "endpoint", ["10.0.0.1:80", {"address": "[2001:DB8::1]:80"}, {"address": "Host.example:65535"}]
)
def test_what_is_not_plain_is_read_by_the_schema(endpoint: Any) -> None:
    (part,) = parts("services", "bare_name", {"endpoints": [endpoint], "source": "admin"})
    assert len(part.spec.endpoints) == 1 and part.spec.source == "admin"
    assert part.spec.endpoints[0].address in ("10.0.0.1:80", "[2001:db8::1]:80", "host.example:65535")


@pytest.mark.parametrize(
    ("hash_", "raw", "message"),
    [
        ("routes", b"{", "no JSON"),
        ("routes", b"\xff", "no JSON"),
        ("routes", b"[" * 100_000, "no JSON"),
        ("routes", b'{"hosts": "a"}', "hosts"),
        ("services", b"", "no JSON"),
        ("services", b'{"endpoints": [{"address": "x"}]}', "port"),
        ("services", b'{"endpoints": [{"address": "10.0.0.1:80", "weight": -1}]}', "at least 0"),
        ("services", b"{}", "addresses"),
        ("lists", b'["x"]', "x"),
    ],
)
def test_what_can_t_be_used_is_told_with_its_place(hash_: str, raw: bytes, message: str) -> None:
    content = entry_content(hash_, "n/s:80", raw)
    assert any(message in one.message for one in content.problems), content.problems
    assert all(one.file == f"{hash_}/n/s:80" for one in content.problems)
    assert [doc.bad is not None for doc in content.docs] == [True]


@given(
    st.sampled_from(list(PART_OF)),
    st.text(max_size=20),
    st.binary(max_size=40) | VALUES.map(lambda v: json.dumps(v).encode()),
)
def test_nothing_in_an_entry_raises(hash_: str, name: str, raw: bytes) -> None:
    entry_content(hash_, name, raw)


@given(VALUES, st.sampled_from(["kube", "admin", "tool"]), st.none() | st.text(), st.none() | st.integers())
def test_an_entry_is_read_as_it_was_written(doc: Any, source: str, origin: str | None, held: int | None) -> None:
    entry = Entry(doc, source, origin, held)
    assert read_entry(entry.text()) == entry


@given(VALUES)
def test_a_bare_document_is_a_tool_s(doc: Any) -> None:
    if not (isinstance(doc, dict) and "doc" in doc):
        assert read_entry(json.dumps(doc)) == Entry(doc)


@pytest.mark.parametrize(("said", "known"), [("a.example.com", "a.example.com"), (7, None)])
def test_the_name_under_which_endpoints_were_found(said: Any, known: str | None) -> None:
    (part,) = parts("services", "n/s:80", {"external_name": said, "endpoints": [{"address": "10.0.0.1:80"}]})
    assert isinstance(part, ServicePart) and part.spec.external_name == known
