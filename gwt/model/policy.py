"""The effective access policy of a path: `access` of all levels merged field by field, the lowest level wins.

Every field knows who set it. Merging is associative: levels can be merged in any grouping that keeps their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from gwt.model.route import Access, RateLimit, Timeout

Level = Literal["default", "global", "route", "service", "path"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who set a value: `level` default, global, route, service or path; `name` of that route, service or path."""

    level: Level
    name: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = f" ({self.file}:{self.line})" if self.file and self.line else f" ({self.file})" if self.file else ""
        return f"{self.level}{' ' + self.name if self.name else ''}{place}"


DEFAULT_ORIGIN: Final = Origin("default")


@dataclass(frozen=True, slots=True)
class Policy:
    """An access policy with every field decided. Seconds and bytes; None of `ip_allow`, `ip_deny` = no such list,
    of `total` and `max_message` = unlimited.

    `origins` maps every field of Access (not the four parts of timeout: these are set together) to who set it.
    """

    auth_type: str | tuple[str, ...] = "public"
    require: Mapping[str, tuple[str, ...]] | None = None
    connect: float = 5.0
    first_byte: float = 60.0
    read: float = 60.0
    total: float | None = None
    rate_limits: tuple[RateLimit, ...] = ()
    ip_allow: tuple[str, ...] | None = None
    ip_deny: tuple[str, ...] | None = None
    retries: int = 1
    retry_buffer: int = 64 * 1024
    max_body: int = 10 * 1024 * 1024
    max_message: int | None = None
    origins: Mapping[str, Origin] = field(default_factory=lambda: _DEFAULT_ORIGINS)

    @property
    def timeout(self) -> Timeout:
        """The four phases together."""
        return Timeout(self.connect, self.first_byte, self.read, self.total)

    @property
    def guarded(self) -> bool:
        """True where who asks matters (login, auth plugins or IP lists): such hosts refuse %2F by default."""
        lists = self.ip_allow is not None or bool(self.ip_deny)
        return self.auth_type not in ("public", "optional") or lists or bool(self.require)

    def asks(self) -> tuple[str, ...]:
        """The fields that ask for something to be enforced on every request: who may enter, and how often.

        A path of whose policy any of them can't be enforced is closed, never opened.
        """
        wanted = {
            "auth_type": self.auth_type != "public",
            "require": bool(self.require),
            "rate_limits": bool(self.rate_limits),
            "ip_allow": self.ip_allow is not None,
            "ip_deny": bool(self.ip_deny),
        }
        return tuple(name for name, asked in wanted.items() if asked)


#: The fields of Access that can be set, in the order of the documentation.
FIELDS: Final = (
    "auth_type", "require", "timeout", "rate_limits", "ip_allow", "ip_deny", "retries", "retry_buffer", "max_body",
    "max_message",
)  # fmt: skip
_DEFAULT_ORIGINS: Mapping[str, Origin] = dict.fromkeys(FIELDS, DEFAULT_ORIGIN)
DEFAULT_POLICY: Final = Policy()


def merge(levels: Iterable[tuple[Origin, Access]]) -> Policy:
    """The Policy of `levels`, outermost first. The line of an origin is that of the field where it is known."""
    return apply(DEFAULT_POLICY, levels)


def apply(policy: Policy, levels: Iterable[tuple[Origin, Access]]) -> Policy:
    """`policy` with further, lower levels on top; the same object if they say nothing."""
    changed: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    for origin, access in levels:
        for name in FIELDS:
            value = getattr(access, name)
            if value is None:
                continue
            line = access.lines.get(name, origin.line)
            origins[name] = origin if line == origin.line else replace(origin, line=line)
            if name == "timeout":
                changed.update(connect=value.connect, first_byte=value.first_byte, read=value.read, total=value.total)
            else:
                changed[name] = value
    return replace(policy, **changed, origins={**policy.origins, **origins}) if origins else policy


def overlay(upper: Access, lower: Access) -> Access:
    """Both levels as one: what `lower` says, else what `upper` says."""
    said = {name: getattr(lower, name) for name in FIELDS if getattr(lower, name) is not None}
    lines = {name: line for name, line in upper.lines.items() if name not in said}
    return replace(upper, **said, lines={**lines, **lower.lines})
