"""gwt.model.configfile: what is said against a configuration stands in its place, and repeats no secret."""

from __future__ import annotations

import pytest

from gwt.model.configfile import Objection, placed, raw_value, with_text
from gwt.model.problem import place
from gwt.model.route import Problem

TEXT = """\
listeners:
  proxy: [tcp:1, tcp:2]
identity: {keys: [c2VjcmV0]}
admin_token: hush
"""


def test_objections_stand_where_what_they_are_about_does() -> None:
    paths = [("identity", "keys", 0), ("listeners", "proxy", 1), ("admin_token",), ("listeners", "admin", 0)]
    found = placed(TEXT, "g.yaml", [Objection(path, str(path[0])) for path in paths])
    assert [place(one) for one in found] == ["g.yaml:2:3", "g.yaml:2:18", "g.yaml:3:19", "g.yaml:4:14"]
    assert found[1].text == "  proxy: [tcp:1, tcp:2]"
    assert not any("hush" in one.text or "c2VjcmV0" in one.text for one in found)


def test_an_empty_file_has_no_places() -> None:
    assert placed("# nothing\n", "g.yaml", [Objection(("store",), "no")]) == [Problem("g.yaml", 0, 0, "no")]


def test_the_line_of_a_problem() -> None:
    problem = Problem("g.yaml", 4, 14, "no")
    assert with_text(TEXT, problem).text == "admin_token: ****"
    assert with_text(TEXT, Problem("g.yaml", 9, 1, "no")).text == ""
    assert with_text(TEXT, Problem("g.yaml", 4, 1, "no", "as it is")).text == "as it is"


@pytest.mark.parametrize("key", ["secret", "jwt_secret", "users", "keys", "private_key", "password_hash", "passwd"])
def test_what_plugins_are_told_in_secret_is_not_repeated(key: str) -> None:
    problem = Problem("g.yaml", 1, 6, "no")
    assert "hush" not in with_text(f'a: {{max: x, {key}: {{bob: "hush"}}}}\n', problem).text


def test_one_value_of_a_file_that_is_wrong_elsewhere() -> None:
    def store(text: str, **env: str) -> object:
        return raw_value(text, "store", "file:.", env, "g.yaml")

    assert store("drain: soon\nstore: file:./x\n") == "file:./x"
    assert store("store: file:${env:X}\n", X="y") == "file:y"
    assert store("store: file:${env:X}\n") is None
    assert store("store: 5\n") == 5
    assert store("drain: soon\n") == store("") == "file:."
    assert store("[1\n") is None
