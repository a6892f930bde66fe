"""Golden files: what `gwt check` says of each document in documents/, to the letter.

python tests/golden/test_documents.py   writes the expectations anew; read the difference before it is kept
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gwt.model.parse import parse_file
from gwt.model.problem import format_problem

FOLDER = Path(__file__).parent / "documents"
SOURCES = sorted(path for path in FOLDER.iterdir() if path.suffix in (".yaml", ".json"))


def told(path: Path) -> str:
    parsed = parse_file(path.read_text(), path.name)
    kinds = [f"# {type(one).__name__} {getattr(one, 'name', None) or one.source.identity}" for one in parsed.documents]
    return "\n".join([*kinds, *map(format_problem, parsed.problems)]) + "\n"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_is_told_as_expected(path: Path) -> None:
    assert told(path) == path.with_suffix(".expected").read_text()


if __name__ == "__main__":
    for source in SOURCES:
        source.with_suffix(".expected").write_text(told(source))
