"""Member: what stands in a chain: a plugin's instance at one place of configuration, or a policy that is enforced."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import CoroutineType
from typing import Any

from twisted.internet.defer import Deferred

from gwt.errors import GatewayError
from gwt.phase.plugin import PHASES, Plugin
from gwt.phase.reply import Reply
from gwt.phase.tools import Tools

Method = Callable[..., Any]


class Member:
    """`methods` by phase, only those in which it takes part; `origin` says who set it, for people.

    `mode` is enforce or report, `on_error` deny or skip; `priority`: higher runs first. `plugin` is what the methods
    belong to (None for a policy), `kept` what has to live as long as this does.
    """

    __slots__ = ("__weakref__", "kept", "methods", "mode", "name", "on_error", "origin", "plugin", "priority")

    def __init__(
        self, name: str, priority: int, methods: Mapping[str, Method], origin: Any = None,
        mode: str = "enforce", on_error: str = "deny", plugin: Plugin | None = None, kept: Any = None,
    ) -> None:  # fmt: skip
        unknown = methods.keys() - set(PHASES)
        if unknown:
            raise ValueError(f"{name}: no phases are called {', '.join(sorted(unknown))}")
        self.name, self.priority, self.methods, self.origin = name, priority, dict(methods), origin
        self.mode, self.on_error, self.plugin, self.kept = mode, on_error, plugin, kept

    @property
    def phases(self) -> tuple[str, ...]:
        """Where it takes part, in order."""
        return tuple(phase for phase in PHASES if phase in self.methods)

    def __repr__(self) -> str:
        return f"<Member {self.name} {self.priority}>"


def as_deferred(said: Any) -> Deferred[Any] | None:
    """What a phase method returned as a Deferred, None where it is neither that nor a coroutine."""
    if isinstance(said, Deferred):
        return said
    if isinstance(said, CoroutineType) or (isinstance(said, Awaitable) and hasattr(said, "send")):
        return Deferred.fromCoroutine(said)  # type: ignore[arg-type]
    return None


def reporting(name: str, method: Method, tools: Tools) -> Method:
    """`method` in report mode: it runs, and what it would have refused is counted and goes on."""

    def refused(ctx: Any) -> None:
        tools.would_reject(name, ctx.route or "-")

    def judge(said: Any, ctx: Any) -> None:
        if isinstance(said, Reply):
            refused(ctx)

    def excuse(error: BaseException, ctx: Any) -> None:
        if isinstance(error, GatewayError):
            refused(ctx)
        else:
            tools.raised(name, ctx.request_id.decode("ascii"), error)

    def report(ctx: Any) -> Any:
        try:
            said = method(ctx)
        except Exception as error:
            excuse(error, ctx)
            return None
        later = None if said is None or isinstance(said, Reply) else as_deferred(said)
        if later is None:
            judge(said, ctx)
            return None
        return later.addCallbacks(judge, lambda failure: excuse(failure.value, ctx), callbackArgs=(ctx,))

    return report
