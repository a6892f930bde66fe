from __future__ import annotations

import os
from pathlib import Path

import pytest

from gwt.store.scan import Listing, scan, stamp


def names(root: Path) -> list[str]:
    return sorted(scan(str(root)).files)


def write(path: Path, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_documents_are_found_at_any_depth_by_their_suffix(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yml", "c.json", "deep/er/d.yaml", "README.md", "e.yaml~", "f.yaml.swp"):
        write(tmp_path / name)
    assert names(tmp_path) == ["a.yaml", "b.yml", "c.json", "deep/er/d.yaml"]


def test_hidden_names_are_passed_over(tmp_path: Path) -> None:
    for name in (".a.yaml", ".git/b.yaml", "c.yaml"):
        write(tmp_path / name)
    assert names(tmp_path) == ["c.yaml"]


def test_a_config_map_mount_shows_each_key_once_and_its_swap(tmp_path: Path) -> None:
    for version in ("..1", "..2"):
        write(tmp_path / version / "key.yaml", "same")
        os.utime(tmp_path / version / "key.yaml", ns=(1, 1))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "key.yaml").symlink_to("..data/key.yaml")
    before = scan(str(tmp_path))
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").rename(tmp_path / "..data")
    after = scan(str(tmp_path))
    assert list(before.files) == list(after.files) == ["key.yaml"]
    assert before.files != after.files


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "a.yaml")
    root = tmp_path / "root"
    root.mkdir()
    (root / "linked").symlink_to("../elsewhere")
    (root / "loop").symlink_to(".")
    (root / "self.yaml").symlink_to("self.yaml")
    (root / "nowhere.yaml").symlink_to("missing.yaml")
    listing = scan(str(root))
    assert list(listing.files) == ["linked/a.yaml"]
    assert set(listing.blind) == {"self.yaml"}


def test_a_directory_called_like_a_document_is_a_directory(tmp_path: Path) -> None:
    write(tmp_path / "odd.yaml" / "a.yaml")
    assert names(tmp_path) == ["odd.yaml/a.yaml"]


def test_a_missing_root_is_blind_not_empty(tmp_path: Path) -> None:
    listing = scan(str(tmp_path / "none"))
    assert listing.blind == {"": "No such file or directory"}
    assert listing.hides("anything")


def test_what_can_not_be_listed_may_still_be_there() -> None:
    listing = Listing({}, {"secret": "Permission denied", "a.yaml": "Input/output error"})
    assert listing.hides("secret/deep/a.yaml")
    assert listing.hides("a.yaml")
    assert not listing.hides("secret2/a.yaml")


@pytest.mark.parametrize("change", ["touch", "grow", "replace"])
def test_stamps_differ_after_a_change(tmp_path: Path, change: str) -> None:
    path = tmp_path / "a.yaml"
    write(path, "one")
    os.utime(path, ns=(5, 5))
    before = stamp(str(path))
    if change == "touch":
        os.utime(path, ns=(6, 6))
    elif change == "grow":
        write(path, "longer")
        os.utime(path, ns=(5, 5))
    else:
        write(tmp_path / "new", "two")
        os.utime(tmp_path / "new", ns=(5, 5))
        (tmp_path / "new").rename(path)
    assert stamp(str(path)) != before


def test_no_file_has_no_stamp(tmp_path: Path) -> None:
    assert stamp(str(tmp_path / "a.yaml")) is None
    assert stamp(str(tmp_path / "a.yaml" / "b.yaml")) is None
