"""Certificates of authorities, from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from gwt.authorities import authorities


def test_what_is_none(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        authorities(str(tmp_path / "ca.pem"))
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ValueError, match="no certificate"):
        authorities(str(tmp_path / "ca.pem"))
