"""Laws that every plugin keeps, whatever it is for: `assert_plugin_laws(MyPlugin)` tries to find where one is broken.

Each law is a function of a Subject and of Hypothesis' `draw`; LAWS has them by name. A law that a plugin breaks on
purpose is named in `without`.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, replace
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from gwt.model.policy import DEFAULT_POLICY
from gwt.phase.plugin import Plugin
from gwt.phase.plugintype import Misfit
from gwt.testing import strategies
from gwt.testing.client import Answer, Request
from gwt.testing.gateway import UPSTREAM, Gateway, kind_of
from gwt.testing.outcome import Meaning, Outcome, body_of, difference, outcome
from gwt.testing.pristine import Pristine
from gwt.testing.upstreams import Says, Script

Draw = Callable[..., Any]
Conf = Mapping[str, Any]

#: Seconds after which nothing may remember a client that went away.
_FORGOTTEN_AFTER = 200.0


class LawBroken(AssertionError):
    """A plugin does what no plugin should; the message says which law, and how."""


@dataclass(frozen=True)
class Subject:
    """The plugin under test, and how to make what it is tried with. `state` puts back what its class holds."""

    cls: type[Plugin]
    configurations: st.SearchStrategy[Any]
    requests: Callable[..., st.SearchStrategy[Any]]
    meaning: Meaning
    state: Pristine

    def broken(self, law: str, what: object) -> LawBroken:
        """The exception that says so."""
        return LawBroken(f"{self.cls.__name__} {law}: {what}")

    def gateway(self, conf: Conf, upstream: Script, other: Script, **more: Any) -> Gateway:
        """A gateway with the plugin on its route; all that it asks elsewhere is answered by `other`."""
        return Gateway(self.cls, configured={self.cls.name: conf}, upstream=upstream, others={"*": other}, **more)

    def outcome(self, conf: Conf, says: Says, request: Request, seed: int = 1) -> Outcome:
        """What comes of a request, in a gateway and a world that have seen nothing else."""
        with self.alone():
            return outcome(self.gateway(conf, says, says, seed=seed).ask(request), self.meaning)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """What is done inside is forgotten."""
        try:
            yield
        finally:
            self.state.restore()


def _world(subject: Subject, draw: Draw, **more: Any) -> tuple[Conf, Request, Says]:
    """A configuration, a request that has to do with it, and an answer."""
    conf = draw(subject.configurations, label="configuration")
    words = strategies.words_of([conf, kind_of(subject.cls).make(conf)])
    request = draw(subject.requests(words, **more), label="request")
    return conf, request, draw(strategies.answers(words, **more), label="the upstream answers")


# -- the laws


def never_raises(subject: Subject, draw: Draw) -> None:
    """No request, no answer of any upstream, no beginning and no end makes it raise anything but GatewayError."""
    conf, request, says = _world(subject, draw, whole=False)
    other = draw(strategies.answers(whole=False) | st.none(), label="others answer")
    gateway = subject.gateway(conf, says, other)
    answer = gateway.ask(request) if not gateway.raised else None
    gateway.stop()
    if gateway.raised:
        raise subject.broken("raises", repr(gateway.raised[0][1])) from gateway.raised[0][1]
    if answer is not None and not answer.complete:
        raise subject.broken("cuts answers off", answer)


def configuration_round_trips(subject: Subject, draw: Draw) -> None:
    """What it holds, written down, is a configuration that its schema takes and that makes the same plugin."""
    conf = draw(subject.configurations, label="configuration")
    kind = kind_of(subject.cls)
    made = kind.make(conf)
    written = {field.name: _plain(getattr(made, field.name)) for field in _said(made)}
    try:
        again = kind.make(json.loads(json.dumps(written)))
    except (TypeError, Misfit) as error:
        raise subject.broken("holds what is no configuration of its own", f"{written}: {error}") from error
    for field in _said(made):
        before, after = getattr(made, field.name), getattr(again, field.name)
        if before != after:
            raise subject.broken("becomes another by being written down", f"{field.name}: {before!r}, then {after!r}")


def _said(plugin: Any) -> list[Any]:
    """The fields that a configuration has to name to make this plugin."""
    return [
        field
        for field in dataclasses.fields(plugin)
        if field.init and (field.default is MISSING or getattr(plugin, field.name) != field.default)
    ]


def _plain(value: Any) -> Any:
    """A value as documents write it."""
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in _said(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(_plain, value))
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def report_mode_rejects_nothing(subject: Subject, draw: Draw) -> None:
    """With `_meta: {mode: report}` every request that would reach the upstream does, and gets a whole answer."""
    conf, request, says = _world(subject, draw)
    bare = Gateway(upstream=says)
    if bare.ask(request).upstream is None:
        return
    gateway = subject.gateway({**conf, "_meta": {"mode": "report"}}, says, says)
    answer = gateway.ask(request)
    if answer.status == 504 and gateway.reactor.seconds() >= DEFAULT_POLICY.first_byte:
        return  # it waits longer than anybody may: so it was configured
    if answer.upstream is None or not answer.complete or gateway.finished[-1].code != bare.finished[-1].code:
        raise subject.broken("rejects in report mode", answer)


def order_does_not_matter(subject: Subject, draw: Draw) -> None:
    """Headers of different names, and the keys of a configuration, have no order."""
    conf, request, says = _world(subject, draw)
    mixed = replace(request, headers=tuple(draw(st.permutations(request.headers), label="other order of headers")))
    turned = _turned(conf)
    expected, again = subject.outcome(conf, says, request), subject.outcome(conf, says, request, seed=2)
    what = difference(expected, again, subject.outcome(conf, says, mixed))
    if what is not None:
        raise subject.broken("depends on the order of headers", what)
    what = difference(expected, again, subject.outcome(turned, says, request))
    if what is not None:
        raise subject.broken("depends on the order of its configuration's keys", what)


def _turned(value: Any) -> Any:
    """With the keys of all mappings in the opposite order."""
    if isinstance(value, Mapping):
        return {key: _turned(value[key]) for key in reversed(list(value))}
    return [_turned(item) for item in value] if isinstance(value, list) else value


def routes_are_apart(subject: Subject, draw: Draw) -> None:
    """What happens on one route changes nothing on another, whatever their configurations are."""
    conf, request, says = _world(subject, draw)
    other = draw(subject.configurations | st.just(conf), label="configuration of the other route")
    before = draw(
        st.lists(subject.requests(strategies.words_of(other)), max_size=4), label="requests on the other route"
    )
    here = replace(request, host="here.test")
    there = [replace(one, host="there.test") for one in (*before, request, request)]

    def ends(*asked: Request, seed: int = 1) -> Outcome:
        documents = _two(subject.cls.name, conf, other)
        with subject.alone():
            gateway = Gateway(subject.cls, documents=documents, upstream=says, others={"*": says}, seed=seed)
            answers = [gateway.ask(one) for one in asked]
            return outcome(answers[-1], subject.meaning)

    what = difference(ends(here), ends(here, seed=2), ends(*there, here))
    if what is not None:
        raise subject.broken("carries over from one route to another", what)


def _two(name: str, here: Conf, there: Conf) -> str:
    service = {"name": "upstream", "port": 80, "paths": [{"uri": "/"}]}
    routes = [
        {"name": host, "hosts": [f"{host}.test"], "namespace": "test", "services": [service], "plugins": plugins}
        for host, plugins in (("here", {name: here}), ("there", {name: there}))
    ]
    documents = [*routes, {"upstreams": {"test/upstream:80": [UPSTREAM]}}]
    return "\n---\n".join(json.dumps(one) for one in documents)


def chunking_does_not_matter(subject: Subject, draw: Draw) -> None:
    """In what pieces a body arrives, from the client or from the upstream, changes nothing but its framing."""
    conf, request, says = _world(subject, draw)
    inwards = draw(strategies.pieces, label="pieces of the request")
    outwards = draw(strategies.pieces, label="pieces of the answer")
    expected, again = subject.outcome(conf, says, request), subject.outcome(conf, says, request, seed=2)
    what = difference(expected, again, subject.outcome(conf, says, replace(request, pieces=inwards)))
    if what is not None:
        raise subject.broken("depends on the pieces in which a request arrives", what)
    what = difference(expected, again, subject.outcome(conf, replace(says, pieces=outwards), request))
    if what is not None:
        raise subject.broken("depends on the pieces in which an answer arrives", what)


def leaves_nothing_behind(subject: Subject, draw: Draw) -> None:
    """A client that goes away, at any moment, is forgotten: no timer, no reference, nothing under way."""
    conf, request, says = _world(subject, draw, whole=False)
    says = draw(
        st.sampled_from([replace(says, delay=3.0), replace(says, ends_after=90), None, says]), label="it answers"
    )
    gateway = subject.gateway(conf, says, says)
    timers = len(gateway.reactor.getDelayedCalls())
    client = gateway.begin(request)
    client.send(draw(st.integers(0, 7), label="pieces sent"))
    gateway.advance(draw(st.sampled_from([0.0, 0.0, 0.2, 2.0, 3.2]), label="seconds"))
    client.vanish()
    gateway.clients.clear()
    del client
    gateway.advance(_FORGOTTEN_AFTER)
    left = len(gateway.reactor.getDelayedCalls()) - timers
    if left > 0:
        raise subject.broken("leaves timers behind", gateway.reactor.getDelayedCalls()[-left:])
    if gateway.live or len(gateway.ticker):
        raise subject.broken("lets an exchange go on whose client has left", f"{gateway.live} under way")
    if gateway.finished and _held(gateway):
        raise subject.broken("keeps requests whose clients have left", _holders(gateway.finished[0]))


def _held(gateway: Gateway) -> bool:
    """Whether anything but the gateway's list of finished exchanges refers to the one in it."""
    gateway.raised.clear()  # tracebacks do
    alone = 2  # the list, and the argument of getrefcount
    if sys.getrefcount(gateway.finished[0]) > alone:
        gc.collect()
    return sys.getrefcount(gateway.finished[0]) > alone


def _holders(exchange: Any) -> str:
    names = {type(one).__name__ for one in gc.get_referrers(exchange)}
    return f"held by {', '.join(sorted(names))}"


LAWS: Mapping[str, Callable[[Subject, Draw], None]] = {
    law.__name__: law
    for law in (
        never_raises, configuration_round_trips, report_mode_rejects_nothing, order_does_not_matter, routes_are_apart,
        chunking_does_not_matter, leaves_nothing_behind,
    )
}  # fmt: skip


def assert_plugin_laws(
    cls: type[Plugin], *, configurations: st.SearchStrategy[Any] | None = None,
    requests: Callable[..., st.SearchStrategy[Any]] = strategies.requests, meaning: Callable[[Answer], Any] = body_of,
    without: Collection[str] = (), only: Collection[str] = tuple(LAWS), examples: int = 30, shrink: bool = False,
) -> None:  # fmt: skip
    """Try every law on `examples` cases. LawBroken says which is broken; Hypothesis adds the case.

    `shrink` looks for the smallest such case, which can take a minute.

    `configurations` are by default all that the schema allows and `__post_init__` accepts, with the class's `examples`
    among them. `requests(words, whole=...)` makes strategies of Request. `meaning(answer)` stands for an answer's body
    in comparisons, where the same can be written in several ways (encrypted, say).
    """
    unknown = {*without, *only} - LAWS.keys()
    if unknown:
        raise ValueError(f"there are no laws {', '.join(sorted(unknown))}: there are {', '.join(LAWS)}")
    found = strategies.configurations(cls) if configurations is None else configurations
    subject = Subject(cls, found, requests, meaning, Pristine(cls))
    for name in only:
        if name not in without:
            _try(LAWS[name], subject, examples, (Phase.generate, Phase.shrink) if shrink else (Phase.generate,))


def _try(law: Callable[[Subject, Draw], None], subject: Subject, examples: int, phases: Sequence[Phase]) -> None:
    @settings(max_examples=examples, deadline=None, database=None, derandomize=True, phases=phases,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.data())
    def attempt(data: st.DataObject) -> None:
        with subject.alone():
            law(subject, data.draw)

    try:
        attempt()
    except Unsatisfiable:
        raise LawBroken(
            f"{subject.cls.__name__}: hardly any configuration that its schema allows is accepted; "
            "give the class `examples`, a list of configurations"
        ) from None
