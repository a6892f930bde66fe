"""uri-blocker: rules, and the spellings that don't get by them."""

from __future__ import annotations

from typing import Any

import pytest
from edge.rig import Rig
from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.model.route import Access
from gwt.phase.plugintype import Misfit, PluginType
from gwt.plugins.uri_blocker import UriBlocker


def status(target: str, *rules: str, **conf: Any) -> int:
    one = Rig(kinds=[UriBlocker], plugins={"uri-blocker": {"block_rules": list(rules), **conf}})
    (got,) = one.send(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()).answers()
    assert (got.status == 200) == bool(one.seen) and not one.raised
    return got.status


def test_paths_and_queries() -> None:
    assert status("/a/root.exe", r"root\.exe", "select.+from") == 403
    assert status("/a?q=select%20x+from%20t", r"root\.exe", "select .+ from") == 403
    assert status("/a?q=1", r"root\.exe", "select.+from") == 200


def test_what_a_rule_would_take_too_long_for_is_refused() -> None:
    assert status("/" + "a" * 1000, "[a-z]+!") == 200
    assert status("/" + "a" * 2000, "[a-z]+!") == 400


def test_case_status_and_message() -> None:
    assert status("/ADMIN", "^/admin") == 200
    assert status("/ADMIN", "^/admin", case_insensitive=True, rejected_code=404) == 404
    one = Rig(kinds=[UriBlocker], plugins={"uri-blocker": {"block_rules": ["^/"], "rejected_msg": "not here"}})
    (got,) = one.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").answers()
    assert b"not here" in got.body and one.finished[0].code == "denied"


SPELLINGS = st.lists(st.sampled_from([str, "%{:02x}", "%{:02X}"]), min_size=6, max_size=6)


@settings(max_examples=50, deadline=None)
@given(SPELLINGS, st.sampled_from(["", "/.", "/x/.."]))
def test_no_spelling_slips_through(spelling: list[Any], detour: str) -> None:
    letters = (kind(c) if kind is str else kind.format(ord(c)) for kind, c in zip(spelling, "secret", strict=True))
    assert status(detour + "/" + "".join(letters), "^/secret$") == 403


def test_an_address_that_is_not_admitted_is_told_so_first() -> None:
    shut = Access(ip_deny=("192.0.2.0/24",))
    one = Rig(kinds=[UriBlocker], plugins={"uri-blocker": {"block_rules": ["^/"]}}, access=shut)
    one.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [ctx.code for ctx in one.finished] == ["ip"]


@pytest.mark.parametrize("conf", [{"block_rules": []}, {"block_rules": ["("]}, {"block_rules": ["(a+)+b"]}, {}])
def test_what_it_does_not_take(conf: Any) -> None:
    with pytest.raises(Misfit, match="block_rules"):
        PluginType(UriBlocker).make(conf)
