"""Every law can fail: for each a plugin that breaks it, and only it, is caught; and one that breaks none is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from gwt.errors import GatewayError
from gwt.phase.plugin import Exchange, Plugin, Reply, Seconds
from gwt.testing import LAWS, LawBroken, assert_plugin_laws


@dataclass(frozen=True)
class Good(Plugin):
    """Takes part everywhere, waits, refuses, and rewrites: all as it should be."""

    name = "good"
    examples = ({"header": "X-Age", "wait": "500ms"}, {})
    header: str = "X-A"
    wait: Seconds = 0.5

    async def rewrite(self, ctx: Exchange) -> None:
        await ctx.request.read_body()
        later: Deferred[None] = Deferred(lambda _: call.cancel())
        call = ctx.tools.reactor.callLater(self.wait, later.callback, None)
        await later
        ctx.request.set_header("X-Passed", "1")

    def access(self, ctx: Exchange) -> Reply | None:
        return Reply(403, "no") if ctx.header(b"x-a") == b"1" else None

    def body_filter(self, ctx: Exchange, chunk: bytes, last: bool) -> bytes:
        return chunk.upper() + (b"!" if last else b"")


@dataclass(frozen=True)
class Raises(Plugin):
    """Takes for a number what a client sends."""

    name = "never_raises"
    header: str = "X-Age"

    def access(self, ctx: Exchange) -> None:
        int(ctx.header(self.header.lower().encode()) or b"0")


@dataclass(frozen=True)
class Doubles(Plugin):
    """Keeps something else than what was configured."""

    name = "configuration_round_trips"
    limit: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "limit", self.limit * 2)


@dataclass(frozen=True)
class GoesAround(Plugin):
    """Refuses behind the back of the chain."""

    name = "report_mode_rejects_nothing"

    def access(self, ctx: Exchange) -> Any:
        if ctx.header(b"x-a"):
            ctx.fail(GatewayError("denied", "no"))
            return Deferred()
        return None


@dataclass(frozen=True)
class First(Plugin):
    """Takes the first header for something special."""

    name = "order_does_not_matter"

    def access(self, ctx: Exchange) -> None:
        if not ctx.head.fields.lower().startswith((b"host", b"x-a", b"accept:")):
            ctx.request.set_header("X-First", ctx.head.fields[:3])


@dataclass(frozen=True)
class Sorts(Plugin):
    """Takes the first key of its configuration for something special."""

    name = "order_does_not_matter"
    values: dict[str, str] = None  # type: ignore[assignment]
    examples = ({"values": {"a": "1", "b": "2"}},)

    def access(self, ctx: Exchange) -> None:
        ctx.request.set_header("X-First", next(iter(self.values or ()), ""))


@dataclass(frozen=True)
class Shares(Plugin):
    """Counts on its class what it means to count for a route."""

    name = "routes_are_apart"
    count: ClassVar[int] = 0

    def access(self, ctx: Exchange) -> Reply | None:
        type(self).count += 1
        return Reply(429) if self.count > 2 else None


@dataclass(frozen=True)
class SharesMore(Plugin):
    """The same with a container, and with what the first route was configured."""

    name = "routes_are_apart"
    header: str = "x"
    known: ClassVar[dict[str, str]] = {}

    def access(self, ctx: Exchange) -> None:
        ctx.request.set_header("X-Known", self.known.setdefault("header", self.header).encode().hex())


@dataclass(frozen=True)
class Replaces(Plugin):
    """Replaces a text in each chunk by itself."""

    name = "chunking_does_not_matter"

    def body_filter(self, ctx: Exchange, chunk: bytes, last: bool) -> bytes:
        return chunk.replace(b"ab", b"-")


@dataclass(frozen=True)
class Collects(Plugin):
    """Lets go of a request only when there is an answer."""

    name = "leaves_nothing_behind"
    waiting: ClassVar[dict[int, Exchange]] = {}

    def access(self, ctx: Exchange) -> None:
        self.waiting[id(ctx)] = ctx

    def header_filter(self, ctx: Exchange) -> None:
        self.waiting.pop(id(ctx), None)


@dataclass(frozen=True)
class Polls(Plugin):
    """Looks again and again whether a request is over, and misses the end."""

    name = "leaves_nothing_behind"

    def access(self, ctx: Exchange) -> None:
        reactor, notes = ctx.tools.reactor, ctx.notes

        def look() -> None:
            if "over" not in notes:
                reactor.callLater(1.0, look)

        look()

    def header_filter(self, ctx: Exchange) -> None:
        ctx.notes["over"] = True


BROKEN = [Raises, Doubles, GoesAround, First, Sorts, Shares, SharesMore, Replaces, Collects, Polls]


@pytest.mark.parametrize("cls", BROKEN, ids=lambda cls: cls.__name__)
def test_who_breaks_a_law_is_caught(cls: type[Plugin]) -> None:
    with pytest.raises(LawBroken, match=cls.__name__) as caught:
        assert_plugin_laws(cls, only=[cls.name], examples=100)
    assert any("Draw 1" in note for note in getattr(caught.value, "__notes__", ()))


@pytest.mark.parametrize("cls", BROKEN, ids=lambda cls: cls.__name__)
def test_and_of_no_other(cls: type[Plugin]) -> None:
    others = {"never_raises", "configuration_round_trips", "order_does_not_matter"}
    assert_plugin_laws(cls, only=sorted(others - {cls.name}), examples=10)


def test_every_law_has_somebody_who_breaks_it() -> None:
    assert {cls.name for cls in BROKEN} == LAWS.keys()


def test_who_breaks_none_is_not() -> None:
    assert_plugin_laws(Good, examples=15)


def test_a_law_may_be_left_out_by_its_name() -> None:
    assert_plugin_laws(Replaces, without=["chunking_does_not_matter"], only=["chunking_does_not_matter"])
    with pytest.raises(ValueError, match="there are no laws chunks"):
        assert_plugin_laws(Replaces, without=["chunks"])


def test_bodies_may_be_compared_by_what_they_mean() -> None:
    assert_plugin_laws(
        Replaces, only=["chunking_does_not_matter"], meaning=lambda answer: answer.body.replace(b"ab", b"-")
    )


def test_configurations_can_be_given_and_must_be_accepted() -> None:
    assert_plugin_laws(Sorts, only=["order_does_not_matter"], configurations=st.just({"values": {"a": "1"}}))

    @dataclass(frozen=True)
    class Picky(Plugin):
        """Takes next to nothing."""

        name = "picky"
        secret: str

        def __post_init__(self) -> None:
            if self.secret != "one of a million":
                raise ValueError("no")

    with pytest.raises(LawBroken, match="give the class `examples`"):
        assert_plugin_laws(Picky, only=["never_raises"], examples=5)
