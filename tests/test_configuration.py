"""gwt.configuration: which file, what is wrong with it, and where relative paths begin."""

from __future__ import annotations

from pathlib import Path

import pytest

from gwt.configuration import ConfigurationError, data_directory, find, load, parse, shown


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_named_comes_first_then_the_file_here_then_the_demo(here: Path) -> None:
    assert find(None) is None
    Path("gateway.yaml").touch()
    assert find(None) == here / "gateway.yaml"
    assert find("other.yaml") == here / "other.yaml"
    assert find(None, demo=True) is None


def test_the_demo_is_a_configuration() -> None:
    configuration = load(None)
    assert configuration.is_demo
    assert configuration.base == data_directory()
    assert "demo" in configuration.describe()


def test_relative_paths_begin_where_the_file_stands(here: Path) -> None:
    (here / "etc").mkdir()
    (here / "etc/g.yaml").write_text("drain: 3\n")
    configuration = load(find("etc/g.yaml"))
    assert configuration.base == here / "etc"
    assert configuration.settings.drain == 3
    assert configuration.describe() == str(here / "etc/g.yaml")


def test_every_problem_is_a_line_with_its_place() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse("drain: soon\nworkres: 2\n", Path("g.yaml").absolute(), {})
    assert len(caught.value.lines) == 2
    assert caught.value.lines[0].startswith("g.yaml:1:8: error: ")
    assert str(caught.value) == "\n".join(caught.value.lines)
    assert caught.value.brief.startswith("gwt: g.yaml:1:8: error: ")
    assert caught.value.brief.endswith(" (and 1 more: gwt check g.yaml)")
    assert "\n" not in caught.value.brief


@pytest.mark.parametrize(("content", "said"), [(None, "No such file"), (b"\xff\xfe", "not UTF-8")])
def test_what_cannot_be_read_is_one_line(here: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (here / "g.yaml").write_bytes(content)
    with pytest.raises(ConfigurationError, match=said) as caught:
        load(find("g.yaml"))
    assert caught.value.lines[0].startswith("gwt: cannot read g.yaml: ")


def test_paths_are_shown_relative_where_they_lie_below(here: Path) -> None:
    assert shown(here / "a/b") == "a/b"
    assert shown(Path("/etc/gwt.yaml")) == "/etc/gwt.yaml"
