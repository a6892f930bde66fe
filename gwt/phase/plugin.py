"""The contract of a plugin: one class in one file. Everything that its author needs is imported from here.

    @dataclass(frozen=True)
    class AddHeader(Plugin):
        '''Adds a header to what the upstream sees.'''

        name = "add-header"
        priority = 900
        header: str
        value: str = "1"

        def rewrite(self, ctx: Exchange) -> None:
            ctx.request.set_header(self.header, self.value)

docs/plugins.md has the whole story.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import Interface, directlyProvides

from gwt.errors import GatewayError
from gwt.lists import AddressLists
from gwt.model.derive import DURATION, SIZE, Schema, nullable
from gwt.phase.edit import Edit
from gwt.phase.exchange import Exchange
from gwt.phase.reply import Reply
from gwt.steps import finish

T = TypeVar("T")

#: In the order in which a request meets them; the last three see the answer.
PHASES = ("rewrite", "access", "header_filter", "body_filter", "log")

#: What a phase method may return: nothing (go on), a Reply (stop), or either of them later.
Said = Reply | None | Deferred[Reply | None] | Awaitable[Reply | None]

#: Annotations for fields: `timeout: Seconds = 1.0` takes 500ms, `limit: Bytes = 1024` takes 1KiB.
Seconds = Annotated[float, DURATION]
Bytes = Annotated[int, SIZE]


#: Stands for "compile them yourself".
NOT_COMPILED = AddressLists()


class IGatewayPlugin(Interface):
    """What Twisted's plugin system finds a plugin's class by; every subclass of Plugin with a name provides it."""


class Misconfigured(ValueError):
    """Raised from `__post_init__`: the configuration makes no sense. `field` is what to mend, "" for the whole."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Config:
    """What `on_config` is given: the named `lists` of CIDRs and the `consumers` of the store.

    `addresses` are the lists compiled, and the rules made of them; compiled here where nobody has done it in steps.
    """

    lists: Mapping[str, tuple[str, ...]]
    consumers: Mapping[str, Any]
    addresses: AddressLists = NOT_COMPILED
    _made: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.addresses is NOT_COMPILED and self.lists:
            object.__setattr__(self, "addresses", finish(AddressLists().follow(self.lists)))

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` makes: at the first call with this name; all who are given this Config share it."""
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made


class Plugin:
    """Subclass me with `@dataclass(frozen=True)`: the fields are the configuration, their annotations its schema.

    `priority`: higher runs first. `admits`: it keeps somebody out (auth, IP lists, limits), so what it guards is
    closed where it can't run. `on_error`: what happens while it fails again and again: `deny` answers 500, `skip`
    leaves it out (not with `admits`). `version` is shown to operators. `examples` are configurations that make sense.

    It takes part in the phases for which it has a method: `rewrite(ctx)`, `access(ctx)`, `header_filter(ctx)` and
    `log(ctx)` return Said, `body_filter(ctx, chunk, last)` returns bytes. `start(tools)` is called before the first
    request, `on_config(config)` after it (what either raises closes the path), `stop()` after the last request.

    `self.place` says where this configuration stands: text that is the same on all workers and after an edit, for the
    keys of what is kept in shared zones. It is "" until the gateway has put the plugin there.
    """

    name: ClassVar[str] = ""
    priority: ClassVar[int] = 0
    admits: ClassVar[bool] = False
    on_error: ClassVar[Literal["deny", "skip"]] = "deny"
    version: ClassVar[str] = ""
    place: ClassVar[str] = ""
    examples: ClassVar[Sequence[Mapping[str, Any]]] = ()

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        directlyProvides(cls, IGatewayPlugin)

    @classmethod
    def __conform__(cls, interface: Any) -> type[Plugin] | None:
        """Twisted's plugin system asks every name of a module whether it is a plugin: a class with a name is one."""
        return cls if cls.name and interface.__name__ in ("IPlugin", "IGatewayPlugin") else None

    def phases(self) -> Collection[str]:
        """The phases in which this configuration has anything to do. Override it to take part in fewer."""
        return [phase for phase in PHASES if hasattr(self, phase)]

    def edit(self) -> Edit | None:
        """What it does to the head of every answer, where that is always the same: cheaper than a header_filter, in
        place of which it is used."""
        return None

    def warnings(self) -> Iterable[tuple[str, str]]:
        """What is unwise about this configuration, for operators: pairs of a field and a text that holds no secret."""
        return ()

    def __repr__(self) -> str:
        """Without the configuration: that may hold secrets."""
        return f"<plugin {self.name}>"


__all__ = [
    "DURATION", "PHASES", "SIZE", "Bytes", "Config", "Edit", "Exchange", "GatewayError", "IGatewayPlugin",
    "Misconfigured", "Plugin", "Reply", "Said", "Schema", "Seconds", "nullable",
]  # fmt: skip
