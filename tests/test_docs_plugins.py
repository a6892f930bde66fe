"""docs/plugins.md is true: every block of Python is loaded as a plugin and driven, every name in its tables exists."""

from __future__ import annotations

import inspect
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from edge.rig import Rig
from twisted.internet.task import Clock

from gwt.phase.answer import Answer
from gwt.phase.exchange import Exchange
from gwt.phase.fuse import LIMIT, REST
from gwt.phase.outgoing import Outgoing
from gwt.phase.plugin import Plugin
from gwt.phase.plugintype import Meta, PluginType
from gwt.phase.tools import Tools, Zone
from gwt.plugging.desk import QUIET
from gwt.plugging.generation import load
from gwt.plugins.request_id import RequestId
from gwt.plugins.response_rewrite import ResponseRewrite

PAGE = (Path(__file__).resolve().parent.parent / "docs/plugins.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
PLUGINS = {re.search(r'name = "([^"]+)"', block)[1]: block for block in BLOCKS if "(Plugin)" in block}  # type: ignore[index]


@pytest.fixture
def kind(tmp_path: Path) -> Callable[[str], PluginType]:
    def loaded(name: str) -> PluginType:
        path = tmp_path / f"{name}.py"
        path.write_text(PLUGINS[name])
        return load(path)

    return loaded


def rig(kind: PluginType, conf: dict[str, Any], **more: Any) -> Rig:
    return Rig(kinds=[kind], plugins={kind.name: conf}, **more)


def get(path: bytes = b"/", **headers: bytes) -> bytes:
    lines = b"".join(b"%b: %b\r\n" % (name.replace("_", "-").encode(), value) for name, value in headers.items())
    return b"GET %b HTTP/1.1\r\nHost: a\r\n%b\r\n" % (path, lines)


def test_every_block_is_tried_here() -> None:
    assert sorted(PLUGINS) == ["branded", "busy", "greeting", "no-entry", "signed"]
    assert len(BLOCKS) == len(PLUGINS) + 1


def test_greeting(kind: Any) -> None:
    one = rig(kind("greeting"), {"refused": ["eve"]}).send(get(), get(X_Name=b"eve"), get(X_Name=b"bob"))
    assert one.statuses == [403, 403, 200]
    assert one.answers()[2].headers[b"x-greeting"] == b"hello" and one.seen[0].header(b"x-greeted") == b"bob"


def test_branded(kind: Any) -> None:
    (got,) = rig(kind("branded"), {}).send(get()).answers()
    assert got.headers[b"x-by"] == b"gwt"


def test_no_entry(kind: Any, tmp_path: Path) -> None:
    one = rig(kind("no-entry"), {"pattern": "^/admin"}).send(get(b"/admin"), get(b"/x"))
    assert one.statuses == [404, 200] and one.finished[0].code == "denied"
    (tested,) = [block for block in BLOCKS if "def test_" in block]
    (tmp_path / "no_entry.py").write_text(PLUGINS["no-entry"])
    (tmp_path / "test_no_entry.py").write_text(tested)
    runpy.run_path(str(tmp_path / "test_no_entry.py"))["test_no_entry"]()


def test_signed(kind: Any) -> None:
    post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"
    one = rig(kind("signed"), {}).send(post + b"#!ab", post, b"abcd")
    assert one.statuses == [200, 422] and one.seen[0].body == b"ab"
    assert one.answers()[0].body == b"ok\n2 bytes\n"


class OneZone:
    """As much of a zone as the page uses."""

    def __init__(self) -> None:
        self.counts: dict[bytes, int] = {}

    def incr(self, key: bytes, by: int = 1, ttl: float | None = None) -> int:
        self.counts[key] = self.counts.get(key, 0) + by
        return self.counts[key]


def test_busy(kind: Any) -> None:
    zone, clock = OneZone(), Clock()
    one = rig(kind("busy"), {"most": 2, "window": "10s"}, shared=lambda name: zone, reactor=clock).send(get() * 3)
    assert one.statuses == [200, 200, 429] and one.answers()[2].headers[b"retry-after"] == b"60"
    assert one.answers()[0].headers[b"x-clients"] == b"1" and len(clock.getDelayedCalls()) == 1
    clock.advance(10)
    one.surroundings.roster.stop()
    assert clock.getDelayedCalls() == []


def names(first: str) -> list[str]:
    """What stands between backticks in the first column of the table with this head."""
    table = PAGE.partition(f"| {first} |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")][1:]
    return [re.sub(r"\(.*", "", word) for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize(
    ("first", "owner"),
    [("reading", Exchange), ("`ctx.request`, in rewrite and access", Outgoing), ("else", Exchange),
     ("`ctx.answer`, in header_filter", Answer), ("class attribute", Plugin)],
)  # fmt: skip
def test_what_the_tables_name_is_there(first: str, owner: type) -> None:
    assert names(first)
    assert [name for name in names(first) if not hasattr(owner, name)] == []


def test_everything_that_can_be_called_is_in_the_tables() -> None:
    told = set(names("`ctx.request`, in rewrite and access"))
    assert {name for name in vars(Outgoing) if not name.startswith("_")} - {"aimed", "over"} == told
    changing = {"set_header", "add_header", "remove_header", "header", "status"}
    assert changing <= set(names("`ctx.answer`, in header_filter"))
    assert names("`_meta`") == list(Meta.__dataclass_fields__)
    for cls, section in ((RequestId, "### request-id"), (ResponseRewrite, "### response-rewrite")):
        fields = [name for name in cls.__dataclass_fields__ if not name.startswith("_")]
        text = PAGE.partition(section)[2].partition("\n## ")[0].partition("\n### ")[0]
        told = set(re.findall(r"^\| `(\w+)` \|", text, re.M))
        assert told == set(fields)
        assert f"| {cls.priority} | `{cls.name}` |" in PAGE
    for name in ("clock", "wall", "random", "reactor", "shared"):
        assert name in inspect.signature(Tools).parameters and f"`{name}" in PAGE
    for name in ("get", "set", "add", "incr", "expire", "ttl", "delete"):
        assert hasattr(Zone, name) and f"`{name}`" in PAGE


def test_figures() -> None:
    assert f"After {LIMIT} failures in a row" in PAGE and f"for {REST:g} seconds" in PAGE.replace("\n", " ")
    assert QUIET == 1.0 and "at most one a second" in PAGE
