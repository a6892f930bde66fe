"""gwt.cli.kinds: which files are settings, of which process, which are schemas, and which are documents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gwt.cli.kinds import CONTROLLER, DOCUMENTS, GATEWAY, SCHEMA, kind_of

CONFIG = Path(__file__).resolve().parent.parent.parent / "config"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("listeners: {proxy: tcp:80}\n", GATEWAY),
        (json.dumps({"store": "file:x"}, indent=1), GATEWAY),
        ("drain: 5\ntls: {certificates: []}\n", GATEWAY),
        ("label: a=b\nstore: redis://r\n", CONTROLLER),
        ('{"listen": "tcp:9181", "debounce": {}}', CONTROLLER),
        ("hosts: [a]\nservices: []\n", DOCUMENTS),
        ("upstreams: {}\n", DOCUMENTS),
        ("access: {}\n", DOCUMENTS),
        ("tls: {a: {cert: x, key: y}}\n", DOCUMENTS),
        ("name: store\nhosts: [store.example.com]\nservices: [{name: store}]\n", DOCUMENTS),
        ('{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"hosts": {}}}', SCHEMA),
        ("", DOCUMENTS),
        ("[1", DOCUMENTS),
    ],
)
def test_a_file_is_known_by_what_it_says(text: str, kind: str) -> None:
    assert kind_of(text) == kind


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("gateway.yaml", "workres: 1\n", GATEWAY),
        ("gateway.yaml", "store: [1\n", GATEWAY),
        ("controller.yaml", "store: redis://r\n", CONTROLLER),
        ("controller.yaml", "listeners: {}\ndrain: 1\n", GATEWAY),
        ("gateway.yaml", "hosts: [gateway.example.com]\nservices: []\n", DOCUMENTS),
    ],
)
def test_its_name_counts_where_that_does_not_tell(name: str, text: str, kind: str) -> None:
    assert kind_of(text, name) == kind


@pytest.mark.parametrize("path", sorted(CONFIG.rglob("*.*")), ids=lambda path: str(path.relative_to(CONFIG)))
def test_the_examples(path: Path) -> None:
    by_name = {"gateway.yaml": GATEWAY, "controller.yaml": CONTROLLER}
    expected = SCHEMA if path.suffix == ".json" else by_name.get(path.name, DOCUMENTS)
    assert kind_of(path.read_text()) == expected
