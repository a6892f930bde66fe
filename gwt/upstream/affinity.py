"""What requests have in common that are to go to one endpoint."""

from __future__ import annotations

from gwt.model.route import Balance
from gwt.phase.exchange import Exchange


def sticky_key(exchange: Exchange, balance: Balance) -> bytes | None:
    """The user (else the client's address), a header's or a cookie's value; None where the request has none."""
    by, name = balance.by, (balance.name or "").encode()
    if by == "header":
        return exchange.header(name.lower())
    if by == "cookie":
        return exchange.cookie(name)
    if by != "ip" and exchange.user is not None:
        return exchange.user.encode()
    return exchange.client.encode()
