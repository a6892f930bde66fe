"""docs/robustness.md: each fault is told once, with what is done about it, and every test that it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from test_docs import codes, table

ROOT = Path(__file__).resolve().parent.parent
ROWS = table("robustness.md", "id")

#: One letter for what is at fault, and a number; or what others have published.
_ID = re.compile(r"[A-Z][0-9]+|CVE-[0-9]{4}-[0-9]{4,}|GHSA-[0-9a-z]{4}")


@cache
def functions_of(path: str) -> frozenset[str]:
    """The functions of a module of tests."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_test_that_is_named_is_there(row: list[str]) -> None:
    named = codes(row[3])
    assert named
    for name in named:
        path, _, test = name.partition("::")
        assert test.startswith("test_") and test in functions_of(path), name


def test_each_fault_is_told_once() -> None:
    told = [one for row in ROWS for one in row[0].split(", ")]
    assert all(_ID.fullmatch(one) for one in told)
    assert len(told) == len(set(told))
    assert all(len(row) == 4 and row[1] and row[2] for row in ROWS)
