"""The words of a command: an action and what it takes."""

from __future__ import annotations

import pytest
from twisted.python.usage import UsageError

from gwt.cli.action import ActionCommand


class Options(ActionCommand):
    name = "thing"
    actions = {"list": (0, 1), "put": (2, 3)}
    synopsis = "[--admin URL] [--json] list [NAME] | put NAME [--] WORD..."
    optFlags = [["json", "j", ""]]


@pytest.mark.parametrize(
    ("line", "action", "words"),
    [("", "list", ()), ("list", "list", ()), ("list a", "list", ("a",)), ("put a --json b c", "put", ("a", "b", "c"))],
)
def test_words(line: str, action: str, words: tuple[str, ...]) -> None:
    options = Options()
    options.parseOptions(line.split())
    assert (options["action"], options["words"]) == (action, words)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lst", "gwt thing takes list, put, not 'lst', did you mean 'list'?"),
        ("delete a", "gwt thing takes list, put, not 'delete'"),
        ("list a b", "gwt thing list [NAME] | put NAME [--] WORD..."),
        ("put a", "gwt thing list [NAME] | put NAME [--] WORD..."),
        ("put a b c d", "gwt thing list [NAME] | put NAME [--] WORD..."),
    ],
)
def test_misuse(line: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        Options().parseOptions(line.split())
    assert str(raised.value) == said
