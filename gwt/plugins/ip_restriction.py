"""ip-restriction: who may come, by address."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from gwt.addresses import AddressSet
from gwt.lists import AddressRule
from gwt.phase.plugin import Config, Exchange, Misconfigured, Plugin, Reply


@dataclass(frozen=True)
class IpRestriction(Plugin):
    """Keeps out whom `blacklist` has, and whom `whitelist` (if there is one) has not. The black one wins.

    Both take addresses and CIDRs, IPv4 and IPv6, and names of lists of the store (`"@office"`).
    """

    name = "ip-restriction"
    priority = 3000
    admits = True

    whitelist: tuple[str, ...] | None = None
    blacklist: tuple[str, ...] | None = None
    message: Annotated[str, {"type": "string", "minLength": 1, "maxLength": 1024}] = "Your IP address is not allowed"
    response_code: Annotated[int, {"type": "integer", "enum": [403, 404]}] = 403
    _rule: AddressRule | None = field(init=False, default=None, repr=False, compare=False)
    _refusal: Reply | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.whitelist is None and self.blacklist is None:
            raise Misconfigured("", "whitelist or blacklist is needed")
        for name in ("whitelist", "blacklist"):
            try:
                AddressSet.of(text for text in getattr(self, name) or () if not text.startswith("@"))
            except ValueError as error:
                raise Misconfigured(name, str(error)) from None
        object.__setattr__(self, "_refusal", Reply.error("ip", self.message, status=self.response_code))

    def on_config(self, config: Config) -> None:
        """The lists are others. A list that is not there closes the path."""
        object.__setattr__(self, "_rule", config.addresses.rule(self.whitelist, self.blacklist))

    def access(self, ctx: Exchange) -> Reply | None:
        """Hot."""
        rule = self._rule
        return None if rule is None or rule.admits(ctx.client) else self._refusal
