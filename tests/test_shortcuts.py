"""What the short cut is told, and what it refuses. tests/laws/test_shortcut_laws.py says what it does."""

from __future__ import annotations

import pytest

from gwt import shortcut, shortcuts


def test_it_refuses_classes_that_it_was_not_built_for(monkeypatch: pytest.MonkeyPatch) -> None:
    if not shortcut.BUILT:
        assert not shortcuts.install()
        return

    class Ring:
        """Has no slots."""

    monkeypatch.setattr(shortcuts, "_CLASSES", (*shortcuts._CLASSES, Ring))
    assert not shortcuts.install()
    monkeypatch.undo()
    assert shortcuts.install()
