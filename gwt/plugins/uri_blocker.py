"""uri-blocker: refuses what is asked for under certain paths and queries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes

from gwt.phase.plugin import Exchange, Misconfigured, Plugin, Reply
from gwt.route.regex import TooLong, compile_regex

_RULES = {
    "title": "regular expressions",
    "type": "array",
    "minItems": 1,
    "items": {"type": "string", "minLength": 1, "maxLength": 1024},
}


@dataclass(frozen=True)
class UriBlocker(Plugin):
    """Refuses requests in whose URI one of `block_rules` (regular expressions) is found.

    They are looked for in the canonical path with the query, as it was sent and percent-decoded: so that no way to
    spell it slips through.
    """

    name = "uri-blocker"
    priority = 2900
    admits = True

    block_rules: Annotated[tuple[str, ...], _RULES]
    rejected_code: Annotated[int, {"type": "integer", "minimum": 200, "maximum": 599}] = 403
    rejected_msg: str = "this URI is blocked"
    case_insensitive: bool = False
    _searches: tuple[Any, ...] = field(init=False, default=(), compare=False)

    def __post_init__(self) -> None:
        flags = b"(?i)" if self.case_insensitive else b""
        try:
            found = tuple(compile_regex(flags + rule.encode(), lines=True).search for rule in self.block_rules)
        except ValueError as error:
            raise Misconfigured("block_rules", str(error)) from None
        object.__setattr__(self, "_searches", found)

    def access(self, ctx: Exchange) -> Reply | None:
        """Look, before proxy-rewrite changes the query."""
        sent = ctx.path if ctx.query is None else ctx.path + b"?" + ctx.query
        forms = {sent, unquote_to_bytes(sent), unquote_to_bytes(sent.replace(b"+", b" "))}
        try:
            found = any(search(form) for search in self._searches for form in forms)
        except TooLong as error:
            return Reply.error("bad_request", str(error))
        if found:
            return Reply.error("denied", self.rejected_msg, status=self.rejected_code)
        return None
