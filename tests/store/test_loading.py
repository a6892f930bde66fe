from __future__ import annotations

from pathlib import Path

from gwt.store.loading import load
from gwt.store.parts import digest_of

TEXT = "upstreams: {u: ['10.0.0.1:80']}"


def test_a_file_is_read_and_parsed_under_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("nonsense: 1")
    loaded = load(str(tmp_path / "a.yaml"), "dir/a.yaml", None)
    assert loaded.content is not None
    assert loaded.content.problems[0].file == "dir/a.yaml"
    assert loaded.error is None


def test_what_is_known_is_not_parsed_again(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(TEXT)
    known = digest_of(TEXT.encode())
    assert load(str(tmp_path / "a.yaml"), "a.yaml", known).content is None
    assert load(str(tmp_path / "a.yaml"), "a.yaml", known).digest == known
    assert load(str(tmp_path / "a.yaml"), "a.yaml", b"other").content is not None


def test_what_can_not_be_read_is_an_error_in_words(tmp_path: Path) -> None:
    assert load(str(tmp_path / "a.yaml"), "a.yaml", None).error == "No such file or directory"
    assert load(str(tmp_path), "a.yaml", None).error == "Is a directory"
