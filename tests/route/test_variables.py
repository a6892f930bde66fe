from __future__ import annotations

from typing import Any

import pytest
from route.request_view import View

from gwt.route.variables import BadCondition, compile_var, show

VIEW = View(
    method=b"POST",
    host=b"foo.example.com",
    path=b"/a/b",
    client="10.0.0.9",
    headers={b"x-canary": b"v2", b"accept-encoding": b"gzip, br"},
    args={b"name": b"jack", b"age": b"18", b"odd": b"0x10", b"empty": b""},
    cookies={b"tier": b"gold", b"list": b"1,2"},
)


@pytest.mark.parametrize(
    ("name", "op", "value", "holds"),
    [
        ("arg_name", "==", "jack", True),
        ("arg_name", "==", "Jack", False),
        ("arg_name", "~=", "jack", False),
        ("arg_none", "==", "jack", False),
        ("arg_none", "~=", "jack", True),
        ("arg_none", "==", None, True),
        ("arg_name", "==", None, False),
        ("arg_name", "~=", None, True),
        ("arg_empty", "==", "", True),
        ("arg_age", "==", 18, True),
        ("arg_age", "==", 18.0, True),
        ("arg_age", "==", "18", True),
        ("arg_age", ">", 17, True),
        ("arg_age", ">", "17", True),
        ("arg_age", ">", 18, False),
        ("arg_age", ">=", 18, True),
        ("arg_age", "<", 100, True),
        ("arg_age", "<=", 17.5, False),
        ("arg_odd", ">", 1, False),
        ("arg_none", "<", 1, False),
        ("arg_name", "<", 1, False),
        ("arg_name", "in", ["jill", "jack"], True),
        ("arg_age", "in", [17, 18], True),
        ("arg_name", "in", [], False),
        ("arg_none", "in", ["a"], False),
        ("http_x_canary", "~~", "^v[0-9]+$", True),
        ("http_X_Canary", "==", "v2", True),
        ("http_none", "~~", "", False),
        ("http_accept_encoding", "has", "br", True),
        ("http_accept_encoding", "has", "b", False),
        ("cookie_list", "has", 2, True),
        ("cookie_tier", "==", "gold", True),
        ("method", "==", "POST", True),
        ("host", "~~", "^foo", True),
        ("uri", "==", "/a/b", True),
        ("remote_addr", "==", "10.0.0.9", True),
    ],
)
def test_operators(name: str, op: str, value: Any, holds: bool) -> None:
    test = compile_var(name, op, value)
    assert test.holds(VIEW) is holds
    assert test.why(VIEW).startswith(name)


def test_true_and_false_are_words() -> None:
    view = View(args={b"on": b"true"})
    assert compile_var("arg_on", "==", True).holds(view)
    assert not compile_var("arg_on", "==", False).holds(view)


@pytest.mark.parametrize("text", [b"1_0", b" 1", b"1 ", b"nan", b"inf", b"\xd9\xa1", b"1" * 50, b"", b"0x1", b"1e9999"])
def test_odd_numbers_are_none(text: bytes) -> None:
    assert not compile_var("arg_n", ">", -1).holds(View(args={b"n": text}))


@pytest.mark.parametrize(
    ("name", "op", "value", "complaint"),
    [
        ("nobody", "==", "a", "no variable 'nobody'"),
        ("arg_", "==", "a", "no variable 'arg_'"),
        ("arg_a", "=", "a", "no operator '='"),
        ("arg_a", "in", "abc", "takes a list"),
        ("arg_a", "==", ["a"], "is not a string"),
        ("arg_a", "in", [["a"]], "is not a string"),
        ("arg_a", ">", "abc", "compares numbers"),
        ("arg_a", ">", None, "compares numbers"),
        ("arg_a", "~~", "(", "not a regular expression"),
        ("arg_a", "~~", "(a+)+b", "exponential"),
        ("arg_a", "~~", 1, "takes a regular expression"),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, op: str, value: Any, complaint: str) -> None:
    with pytest.raises(BadCondition, match=complaint) as caught:
        compile_var(name, op, value)
    assert f"vars [{name}, {op}," in str(caught.value)


def test_client_bytes_are_shown_harmless() -> None:
    assert show(b"a\x1b[31m\xff\n") == "a\\x1b[31m\\xff\\x0a"
    assert show(b"x" * 100) == "x" * 80 + "..."
