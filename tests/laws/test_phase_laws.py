"""Laws of phases: order, unwinding, bodies in any pieces, levels; for any plugins, and requests that stop anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge.rig import Rig
from hypothesis import given, settings
from hypothesis import strategies as st
from phase.plugins import Base, recorder

from gwt.fitting import Level, effective
from gwt.model.policy import Origin
from gwt.model.route import PluginUse
from gwt.phase.plugin import PHASES, Exchange, Plugin, Reply

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
NAMES = "abcdef"


@dataclass(frozen=True)
class Made:
    """A plugin to be: it takes part in `phases` and may stop in one of them."""

    name: str
    priority: int
    phases: frozenset[str]
    stops: str | None

    def kind(self) -> type[Plugin]:
        stop = {} if self.stops is None else {self.stops: lambda ctx: Reply(403)}
        return recorder(self.name, self.priority, *self.phases, **stop)


@st.composite
def made(draw: st.DrawFn) -> list[Made]:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=6))
    found = []
    for name in names:
        phases = draw(st.frozensets(st.sampled_from(PHASES)))
        inwards = sorted(phases & {"rewrite", "access"})
        stops = draw(st.none() | st.sampled_from(inwards)) if inwards and draw(st.integers(0, 3)) == 0 else None
        found.append(Made(name, draw(st.integers(0, 3)), phases, stops))
    return found


def expected(plugins: list[Made]) -> list[str]:
    """What is called, said as plainly as can be."""
    order = sorted(plugins, key=lambda one: (-one.priority, one.name))
    called: list[str] = []
    stop: tuple[int, str] | None = None
    for phase in ("rewrite", "access"):
        for number, one in enumerate(order):
            if stop is None and phase in one.phases:
                called.append(f"{one.name}#{phase}")
                stop = (number, phase) if one.stops == phase else None
    ran = [
        one
        for number, one in enumerate(order)
        if stop is None or number <= stop[0] or (stop[1] == "access" and "rewrite" in one.phases)
    ]
    for phase in ("header_filter", "body_filter", "log"):
        called += [f"{one.name}#{phase}" for one in reversed(ran) if phase in one.phases]
    return called


@settings(deadline=None, max_examples=60)
@given(made(), st.randoms())
def test_what_is_called_and_in_which_order(plugins: list[Made], random: Any) -> None:
    Base.calls.clear()
    named = [one.name for one in plugins]
    random.shuffle(named)  # the order of a document counts for nothing
    rig = Rig(kinds=[one.kind() for one in plugins], plugins={name: {} for name in named}).send(GET)
    stopped = any(one.stops for one in plugins)
    assert rig.statuses == [403 if stopped else 200]
    assert Base.calls == expected(plugins)


def rotate(ctx: Exchange, chunk: bytes, last: bool) -> bytes:
    """A filter with a memory: every byte depends on how many came before it."""
    at = ctx.notes.get("rotate", 0)
    ctx.notes["rotate"] = at + len(chunk)
    return bytes((byte + at + n) % 256 for n, byte in enumerate(chunk)) + (b"%d" % (at + len(chunk)) if last else b"")


def hold(ctx: Exchange, chunk: bytes, last: bool) -> bytes:
    """A filter that gives what it gets one piece later."""
    before = ctx.notes.get("hold", b"")
    ctx.notes["hold"] = chunk
    return before + chunk if last else before


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(max_size=40), max_size=6), st.booleans())
def test_the_pieces_of_a_body_make_no_difference(pieces: list[bytes], chunked: bool) -> None:
    body = b"".join(pieces)
    kinds = [recorder("rotate", 2, body_filter=rotate), recorder("hold", 1, body_filter=hold)]
    rig = Rig(kinds=kinds, plugins={"rotate": {}, "hold": {}}, answer=None).send(GET)
    if chunked:
        encoded = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece]
        rig.reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *encoded, b"0\r\n\r\n")
    else:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        rig.reply(head + (pieces[0] if pieces else b""), *[piece for piece in pieces[1:] if piece])
    (got,) = rig.answers()
    assert got.complete
    assert got.body == bytes((byte + n) % 256 for n, byte in enumerate(body)) + b"%d" % len(body)


CONFS = st.none() | st.fixed_dictionaries({"x": st.integers(0, 9)}) | st.just({"_meta": {"disable": True}})
LEVELS = st.lists(st.dictionaries(st.sampled_from(NAMES), CONFS, max_size=4), max_size=4)


@given(LEVELS)
def test_of_all_levels_the_lowest_that_names_a_plugin_has_the_word(said: list[dict[str, Any]]) -> None:
    levels = [
        Level(Origin("route", str(number)), (number,), [PluginUse(name, conf) for name, conf in uses.items()])
        for number, uses in enumerate(said)
    ]
    found = {one.use.name: (one.origin.name, one.use.conf) for one in effective(levels)}
    for name in NAMES:
        last = next((number for number in reversed(range(len(said))) if name in said[number]), None)
        conf = None if last is None else said[last][name]
        runs = conf is not None and "_meta" not in conf
        assert found.get(name) == ((str(last), conf) if runs else None)
