"""fault-injection: makes some requests slow or fail, to see what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from gwt.model.forms import OPERATORS
from gwt.phase import fields as lines
from gwt.phase.plugin import Exchange, Misconfigured, Plugin, Reply, Schema, Seconds
from gwt.phase.template import Template
from gwt.route.variables import VarTest, compile_var

_SCALAR: Schema = {"type": ["string", "number", "boolean"]}
_VARS: Schema = {
    "title": "lists of conditions [variable, operator, value]",
    "type": "array",
    "items": {"type": "array", "items": {
        "type": "array", "title": "a condition [variable, operator, value]", "minItems": 3, "maxItems": 3,
        "items": [{"type": "string"}, {"enum": list(OPERATORS)},
                  {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}]}],
    }},
}  # fmt: skip
Percentage = Annotated[float, {"type": "number", "minimum": 0, "maximum": 100}]


class _Some:
    """Which requests are meant: `percentage` of those for which all conditions of one list in `vars` hold."""

    percentage: float
    vars: Any

    def tests(self) -> list[list[VarTest]]:
        return [[compile_var(*one) for one in conditions] for conditions in self.vars]


@dataclass(frozen=True)
class Abort(_Some):
    """Answer with this; `body` and the values of `headers` take `$variables`."""

    http_status: Annotated[int, {"type": "integer", "minimum": 200, "maximum": 599}]
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    percentage: Percentage = 100
    vars: Annotated[Any, _VARS] = ()


@dataclass(frozen=True)
class Delay(_Some):
    """Let wait for so long."""

    duration: Seconds
    percentage: Percentage = 100
    vars: Annotated[Any, _VARS] = ()


@dataclass(frozen=True)
class FaultInjection(Plugin):
    """First `delay`, then `abort`, each for those requests that it means; chance decides by `percentage`."""

    name = "fault-injection"
    priority = 11000

    abort: Abort | None = None
    delay: Delay | None = None
    _tests: Any = field(init=False, default=None, compare=False)
    _reply: Any = field(init=False, default=None, compare=False)

    def __post_init__(self) -> None:
        if self.abort is None and self.delay is None:
            raise Misconfigured("", "it takes abort, delay or both")
        tests = {}
        for name, part in (("abort", self.abort), ("delay", self.delay)):
            try:
                tests[name] = [] if part is None else part.tests()
                if isinstance(part, Abort):
                    lines.lines(part.headers)
                    headers = [(name, Template(value)) for name, value in part.headers.items()]
                    object.__setattr__(self, "_reply", (Template(part.body), headers))
            except Exception as error:
                raise Misconfigured(name, str(error)) from None
        object.__setattr__(self, "_tests", tests)

    def rewrite(self, ctx: Exchange) -> Reply | Deferred[Reply | None] | None:
        """Before all others."""
        if self.delay is None or not self._means("delay", self.delay, ctx):
            return self._abort(ctx)
        waited: Deferred[None] = deferLater(ctx.tools.reactor, self.delay.duration)
        return waited.addCallback(lambda _: self._abort(ctx))

    def _abort(self, ctx: Exchange) -> Reply | None:
        if self.abort is None or not self._means("abort", self.abort, ctx):
            return None
        body, headers = self._reply
        return Reply(self.abort.http_status, body.text(ctx), [(name, value.text(ctx)) for name, value in headers])

    def _means(self, name: str, part: _Some, ctx: Exchange) -> bool:
        tests = self._tests[name]
        if tests and not any(all(test.holds(ctx) for test in conditions) for conditions in tests):
            return False
        return part.percentage >= 100 or int.from_bytes(ctx.tools.random(8)) < part.percentage / 100 * 2**64
