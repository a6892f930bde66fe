"""Plugins for tests: each does one thing, and what it saw stands in `SEEN` of its class."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from gwt.phase.plugin import Exchange, Plugin, Reply


@dataclass(frozen=True)
class Base(Plugin):
    """Notes what is called in `calls`, shared by a test's plugins."""

    calls: ClassVar[list[str]] = []

    def note(self, phase: str) -> None:
        self.calls.append(f"{self.name}#{phase}")


def recorder(name: str, priority: int, *phases: str, **methods: Any) -> type[Plugin]:
    """A plugin that notes its calls in every phase of `phases`, and does what `methods` say."""

    def noting(phase: str) -> Any:
        inner = methods.get(phase)

        def method(self: Any, ctx: Exchange, *more: Any) -> Any:
            self.note(phase)
            if inner is not None:
                return inner(ctx, *more)
            return more[0] if phase == "body_filter" else None

        return method

    found = {phase: noting(phase) for phase in {*phases, *(one for one in methods if one != "admits")}}
    more = {"name": name, "priority": priority, "admits": methods.get("admits", False)}
    return dataclass(frozen=True)(type(name.title(), (Base,), {**found, **more}))


@dataclass(frozen=True)
class Deny(Plugin):
    """Refuses everybody."""

    name = "deny"
    priority = 500
    admits = True
    status: int = 403

    def access(self, ctx: Exchange) -> Reply:
        return Reply(self.status, "no", {"X-Denied": "yes"}, "denied")


@dataclass(frozen=True)
class Later(Plugin):
    """Waits for a test to say how it goes on."""

    name = "later"
    priority = 400
    waiting: ClassVar[list[Deferred[Any]]] = []
    phase: str = "access"

    def phases(self) -> list[str]:
        return [self.phase]

    def access(self, ctx: Exchange) -> Deferred[Any]:
        later: Deferred[Any] = Deferred()
        self.waiting.append(later)
        return later

    rewrite = header_filter = log = access


@dataclass(frozen=True)
class Coroutine(Plugin):
    """Waits in a coroutine; its answer is what the test says."""

    name = "coroutine"
    priority = 300
    waiting: ClassVar[list[Deferred[Any]]] = []
    at_once: bool = False

    async def access(self, ctx: Exchange) -> Reply | None:
        if self.at_once:
            return None
        later: Deferred[Any] = Deferred()
        self.waiting.append(later)
        said = await later
        ctx.request.set_header("X-Waited", str(said))
        return said if isinstance(said, Reply) else None


@dataclass(frozen=True)
class Upper(Plugin):
    """Shouts, and says how often it was asked."""

    name = "upper"
    priority = 200
    add: str = ""

    def body_filter(self, ctx: Exchange, chunk: bytes, last: bool) -> bytes:
        return chunk.upper() + (self.add.encode() if last else b"")


@dataclass(frozen=True)
class Fails(Plugin):
    """Raises in one phase, until `fails` of the class is empty."""

    name = "fails"
    priority = 100
    phase: str = "access"
    times: ClassVar[list[int]] = [0]

    def phases(self) -> list[str]:
        return [self.phase]

    def access(self, ctx: Exchange, *more: Any) -> Any:
        if self.times[0] > 0:
            self.times[0] -= 1
            raise ZeroDivisionError("a secret that nobody must see")
        return more[0] if more else None

    rewrite = header_filter = body_filter = log = access


@dataclass(frozen=True)
class Reads(Plugin):
    """Reads the whole body, and may put another in its place."""

    name = "reads"
    priority = 150
    put: str | None = None
    found: ClassVar[list[bytes]] = []
    made: int = field(init=False, default=0)

    async def access(self, ctx: Exchange) -> None:
        body = await ctx.request.read_body()
        self.found.append(body)
        if self.put is not None:
            ctx.request.replace_body(self.put.encode())
