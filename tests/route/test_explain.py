from __future__ import annotations

import pytest
from route.request_view import View

from gwt.model.route import Path
from gwt.route.conditions import Conditions
from gwt.route.entry import Entry, order
from gwt.route.explain import candidates
from gwt.route.regex import TooLong

POST = Conditions.of(Path(uri="/", methods=("POST", "PUT")))
GET = Conditions.of(Path(uri="/", methods=("GET",)))
BOTH = Conditions.of(Path(uri="/", methods=("GET",), headers={"a": "1"}))


@pytest.mark.parametrize(
    ("winner", "loser", "why"),
    [
        (Entry(b"/"), Entry(b"/b"), "path /a/b/c is not under the prefix /b"),
        (Entry(b"/"), Entry(b"/b", "exact"), "path /a/b/c is not /b"),
        (Entry(b"/"), Entry(b"/{x}", "template"), "path /a/b/c does not fit the template /{x}"),
        (Entry(b"/"), Entry(b"d$", "regex"), "path /a/b/c is not found by the regex d$"),
        (Entry(b"/"), Entry(b"/a", conditions=POST), "method GET is not among POST, PUT"),
        (Entry(b"/", priority=10), Entry(b"/a"), "priority 0 < 10"),
        (Entry(b"c$", "regex"), Entry(b"/a"), "prefix comes after regex (exact, template, regex, prefix)"),
        (Entry(b"/a/b"), Entry(b"/a"), "prefix /a is shorter than /a/b"),
        (Entry(b"/c$", "regex"), Entry(b"c$", "regex"), "regex c$ is shorter than /c$"),
        (
            Entry(b"/a/b/{z}", "template"),
            Entry(b"/a/{y}/{z}", "template"),
            "template /a/{y}/{z} has more placeholders than /a/b/{z}",
        ),
        (
            Entry(b"/a/b/{z}", "template"),
            Entry(b"/a/{y}/c", "template"),
            "template /a/{y}/c has a placeholder further left than /a/b/{z}",
        ),
        (Entry(b"/a", conditions=BOTH), Entry(b"/a", conditions=GET), "1 condition < 2"),
        (Entry(b"/a", conditions=GET), Entry(b"/a"), "0 conditions < 1"),
        (Entry(b"/a", name="a"), Entry(b"/a", name="b"), "name 'b' sorts after 'a'"),
        (
            Entry(b"/a", name="a"),
            Entry(b"/a", name="a"),
            "the same pattern and number of conditions as an earlier one of 'a'",
        ),
    ],
)
def test_why_one_lost(winner: Entry, loser: Entry, why: str) -> None:
    view = View(path=b"/a/b/c", headers={b"a": b"1"})
    found = candidates(sorted([winner, loser], key=order), view.path, view)
    assert {one.entry: one.lost for one in found} == {winner: None, loser: why}


def test_nobody_need_win() -> None:
    assert [one.lost for one in candidates([Entry(b"/b")], b"/a", View())] == ["path /a is not under the prefix /b"]


def test_a_loser_may_be_a_regex_that_takes_no_such_path() -> None:
    view = View(path=b"/" + b"a" * 2000)
    first, second = Entry(b"/", priority=1), Entry(b"[a-z]+!", "regex")
    assert [one.lost and "takes 1024" in one.lost for one in candidates([first, second], view.path, view)] == [
        None,
        True,
    ]
    with pytest.raises(TooLong):
        candidates([second, first], view.path, view)
