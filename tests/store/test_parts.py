from __future__ import annotations

from gwt.model.route import Route
from gwt.store.content import ConsumerPart, KubePart, ListPart, RulesPart, ServicePart
from gwt.store.parts import digest_of, read_content

EVERYTHING = b"""
hosts: [a.x]
services: [{upstream: u, paths: [{uri: /}]}]
---
upstreams:
  u: ["10.0.0.1:80"]
  v: ["10.0.0.2:80"]
---
rules: [{host: "*", url: /, action: deny}]
---
lists: {net: [10.0.0.0/8]}
---
consumers: {ann: {key-auth: {key: k}}}
---
kind: Service
metadata: {name: web, namespace: ns}
spec: {ports: [{port: 80}]}
"""

CONFIG_MAP = b"""
kind: ConfigMap
metadata: {name: map, namespace: ns, labels: {gwt.io/route: "true"}}
data:
  a.yaml: |
    hosts: [a.x]
    services: [{upstream: u, paths: [{uri: /}]}]
    ---
    hosts: [b.x]
    services: [{upstream: u, paths: [{uri: /}]}]
  broken.yaml: |
    hosts: [c.x]
"""


def test_every_kind_of_document_has_its_parts() -> None:
    content = read_content(EVERYTHING, "f.yaml")
    assert content.problems == ()
    kinds = [type(part) for doc in content.docs for part in doc.parts]
    assert kinds == [Route, ServicePart, ServicePart, RulesPart, ListPart, ConsumerPart, KubePart]
    assert [doc.index for doc in content.docs] == list(range(6))


def test_static_upstreams_know_their_lines() -> None:
    content = read_content(EVERYTHING, "f.yaml")
    parts = [part for doc in content.docs for part in doc.parts if isinstance(part, ServicePart)]
    assert [(part.spec.key, part.line) for part in parts] == [("u", 6), ("v", 7)]


def test_routes_of_a_config_map_have_its_identity() -> None:
    content = read_content(CONFIG_MAP, "f.yaml")
    assert [(doc.identity, doc.bad is None, doc.inner) for doc in content.docs] == [
        ("ns/map/a.yaml", True, True),
        ("ns/map/a.yaml#2", True, True),
        ("ns/map/broken.yaml", False, True),
    ]


def test_objects_of_a_list_come_together_and_a_bad_one_harms_none() -> None:
    item = '{"kind": "Service", "metadata": {"name": "%s"}, "spec": {"ports": [{"port": 80}]}}'
    text = '{"kind": "List", "items": [' + ", ".join([item % "a", '{"kind": "Service"}', item % "b"]) + "]}"
    content = read_content(text.encode(), "f.json")
    assert [len(doc.parts) for doc in content.docs if doc.bad is None] == [2]
    assert sum(1 for doc in content.docs if doc.bad) == 1
    assert len({doc.identity for doc in content.docs}) == len(content.docs)


def test_what_is_no_text_says_nothing_but_why() -> None:
    content = read_content(b"hosts: [\xff]", "f.yaml")
    assert not content.readable
    assert content.docs == ()
    assert "UTF-8" in content.problems[0].message


def test_an_empty_file_is_fine() -> None:
    content = read_content(b"", "f.yaml")
    assert (content.docs, content.problems, content.readable) == ((), (), True)


def test_digests_tell_contents_apart() -> None:
    assert digest_of(b"a") == digest_of(b"a") != digest_of(b"b")
