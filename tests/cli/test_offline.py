"""gwt.cli.offline: which files are settings, which are documents, and what they would make."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gwt.cli.offline import Unreadable, files_below, is_settings, read_store, store_path
from gwt.configuration import load, parse


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("listeners: {proxy: tcp:80}\n", True),
        (json.dumps({"store": "file:x"}, indent=1), True),
        ("hosts: [a]\nservices: []\n", False),
        ("upstreams: {}\n", False),
        ("access: {}\n", False),
        ("", False),
        ("[1", False),
    ],
)
def test_a_gateway_yaml_is_known_by_its_keys(text: str, settings: bool) -> None:
    assert is_settings(text) is settings


def test_files_are_named_as_the_store_names_them(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.yaml", "sub/a.yml", "c.txt", ".hidden.yaml"):
        (tmp_path / name).touch()
    assert [name for name, _ in files_below(tmp_path)] == ["b.yaml", "sub/a.yml"]
    assert [name for name, _ in files_below(tmp_path / "c.txt")] == ["c.txt"]


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"gone.yaml: No such file"):
        read_store([tmp_path / "gone.yaml"])


def test_the_store_of_a_configuration() -> None:
    base = Path("/etc/gwt/gateway.yaml")
    assert store_path(parse("store: file:./r\n", base, {})) == Path("/etc/gwt/r")
    assert store_path(parse("store: 'memory:'\n", base, {})) is None
    demo = store_path(load(None))
    assert demo is not None
    assert demo.is_file()
