"""What plugins cost a request: `python bench/chain.py [ROUNDS]`, in µs, against a leaf without any.

Each line is one kind of chain on one leaf; the cost is that of `RouteResource.render` less what it costs without a
chain (and where plugins watch the answer, that of respond and the end too). Least of many short runs.
"""

from __future__ import annotations

import sys
import timeit
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twisted.web.resource import IResource

from gwt.edge.resource import handler
from gwt.leaf import Leaf, LeafOrigin
from gwt.model.policy import DEFAULT_POLICY
from gwt.model.route import Source
from gwt.phase.exchange import Exchange
from gwt.phase.plugin import Config, Edit, Plugin
from gwt.phase.plugintype import PluginType, read_meta
from gwt.phase.roster import Roster
from gwt.wire.request import parse_request

HEAD = parse_request(b"GET /api/v1/users/12 HTTP/1.1\r\nHost: h7.example.com\r\nUser-Agent: bench\r\nAccept: */*")


@dataclass(frozen=True)
class Idle(Plugin):
    """Takes part in no phase."""

    name = "idle"

    def start(self, tools: Any) -> None:
        """Only there to be configured."""


@dataclass(frozen=True)
class Nod(Plugin):
    """Looks at every request and lets it go on."""

    name = "nod"

    def access(self, ctx: Exchange) -> None:
        """Nothing to say."""


@dataclass(frozen=True)
class Look(Plugin):
    """What a real one does at least: a look at the client and at one thing of its own."""

    name = "look"
    refused: tuple[str, ...] = ("192.0.2.1", "192.0.2.2")

    def access(self, ctx: Exchange) -> None:
        if ctx.client in self.refused:
            raise RuntimeError


@dataclass(frozen=True)
class Mark(Plugin):
    """Sets a header of the answer."""

    name = "mark"

    def header_filter(self, ctx: Exchange) -> None:
        ctx.answer.add_header(b"X-Mark", b"1")  # type: ignore[union-attr]


@dataclass(frozen=True)
class Same(Plugin):
    """Changes the head of every answer in the same way."""

    name = "same"

    def edit(self) -> Edit:
        return Edit.of(put=[("X-Same", "1")])


class Asked(Exchange):
    """An exchange whose client takes everything."""

    def respond(self, status: int, reason: bytes, fields: bytes, length: Any, body: bytes, done: bool) -> None:
        if self.phases is not None and not self.phases.passing:
            self.phases.respond(status, reason, fields, length, body, done)
            return
        if self.edit is not None:
            fields = self.edit.changed(self, fields)


def leaf_with(kinds: Sequence[type[Plugin]]) -> Leaf:
    """A leaf on which these plugins are configured."""
    roster, config = Roster(), Config({}, {})
    members = [
        roster.member((kind.name, number), PluginType(kind), {}, read_meta({}), None, config)
        for number, kind in enumerate(kinds)
    ]
    return Leaf("r", "s", "/", DEFAULT_POLICY, LeafOrigin(Source("")), chain=roster.chain(members))


def answered(exchange: Exchange, leaf: Leaf) -> None:
    exchange.respond(200, b"OK", b"Content-Length: 2\r\n", 2, b"ok", True)


def let_go(exchange: Exchange, leaf: Leaf) -> None:
    """Nothing answers: what is measured is the way in."""


def cost(kinds: Sequence[type[Plugin]], render: Any, rounds: int) -> float:
    """µs a request."""
    leaf = leaf_with(kinds)
    resource: IResource = handler(leaf, render)

    def request() -> None:
        exchange = Asked(HEAD)
        exchange.client, exchange.leaf = "10.1.2.3", leaf
        resource.render(exchange)
        if exchange.phases is not None:
            exchange.phases.end()

    return min(timeit.repeat(request, number=200, repeat=rounds * 10)) / 200 * 1e6


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    for render in (let_go, answered):
        none = cost([], render, rounds)
        print(f"{render.__name__}: {none:.2f} µs without plugins; with")
        for name, kinds in (
            ("20 that take part in no phase", [Idle] * 20),
            ("20 that look at no answer and nod", [Nod] * 20),
            ("6 that nod", [Nod] * 6),
            ("6 that look at the client", [Look] * 6),
            ("1 that marks the answer", [Mark]),
            ("1 that marks it by an Edit", [Same]),
            ("6 that look, 1 of which marks", [Look] * 5 + [Mark]),
            ("6 that look, 1 of which by an Edit", [Look] * 5 + [Same]),
        ):
            print(f"  {name:36}{cost(kinds, render, rounds) - none:+6.2f} µs")


if __name__ == "__main__":
    main()
