"""Fitting: what the plugins that a document names come to here: members of a chain, a closed path, or nothing.

Of each plugin the lowest level's word counts (path, service, Route, gateway.yaml). What runs is what is installed and
in the local list; what is not there closes, unless it may be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from gwt.closing import HARMLESS, list_names, reasons
from gwt.guards import Here, Spot, made
from gwt.login import PRIORITY
from gwt.model.columns import place_of
from gwt.model.policy import Origin, Policy, merge
from gwt.model.problem import format_problem
from gwt.model.route import PluginUse, Problem, Service
from gwt.phase.auth import AnyOf, AuthPlugin
from gwt.phase.chain import Chain
from gwt.phase.member import Member
from gwt.phase.plugin import Config
from gwt.phase.plugintype import Meta, Misfit, PluginType, read_meta
from gwt.phase.roster import OutOfOrder
from gwt.surroundings import Surroundings

NOTHING = Config({}, {})

#: What is the matter with a plugin at one place.
RUNS, SKIPPED, ABSENT, MISSING, BARRED = "runs", "skipped", "absent", "missing", "barred"


class Level(NamedTuple):
    """The plugins that one level names; `place` tells it from all other levels of all documents."""

    origin: Origin
    place: tuple[Any, ...]
    uses: Sequence[PluginUse]


class Use(NamedTuple):
    """A plugin that is in effect, and where it was configured."""

    use: PluginUse
    level: Level

    @property
    def origin(self) -> Origin:
        """Who set it."""
        return replace(self.level.origin, line=self.use.line or self.level.origin.line)


class Warned(NamedTuple):
    """A warning of a plugin, or about one, that the level of `origin` names, on `line` there."""

    origin: Origin
    line: int
    text: str


class Verdict(NamedTuple):
    """What the policy and the plugins of a path come to.

    `why` says why it is closed, empty if it is open; `plugins` are the names in effect, whether they run or not;
    `lists` are the named lists that the policy refers to; `uses_config`: a plugin is told of lists and consumers, and
    has to hear of others.
    """

    why: tuple[str, ...]
    guarded: bool
    lists: frozenset[str]
    members: tuple[Member, ...] = ()
    plugins: frozenset[str] = frozenset()
    uses_config: bool = False
    warnings: tuple[Warned, ...] = ()


class Unfit(ValueError):
    """A configuration that does not fit its plugin: the document is to be mended."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(format_problem(problem) for problem in self.problems))


def effective(levels: Iterable[Level]) -> list[Use]:
    """What is in effect where `levels` (outermost first) name plugins; what is turned off is left out."""
    uses: dict[str, Use] = {}
    for level in levels:
        uses.update((use.name, Use(use, level)) for use in level.uses)
    return [one for one in uses.values() if one.use.conf is not None and not _off(one.use.conf)]


def _off(conf: Mapping[str, Any]) -> bool:
    meta = conf.get("_meta")
    return isinstance(meta, dict) and meta.get("disable") is True


def state(name: str, meta: Meta, surroundings: Surroundings) -> str:
    """RUNS, SKIPPED (not in the local list), ABSENT (and may be), MISSING or BARRED (it guards, and may not run)."""
    kind = surroundings.installed.types.get(name)
    if kind is None:
        return ABSENT if meta.optional else MISSING
    if surroundings.local is None or name in surroundings.local:
        return RUNS
    return BARRED if kind.cls.admits else SKIPPED


class Fitter:
    """Judges paths in given surroundings, with the lists and consumers that are in force."""

    def __init__(self, surroundings: Surroundings, config: Config) -> None:
        self.surroundings, self.config = surroundings, config

    def verdict(self, policy: Policy, service: Service, levels: Sequence[Level], route: str = "") -> Verdict:
        """What a path of Route `route` with these levels comes to. Raises Unfit."""
        uses = effective(levels)
        why = list(reasons(policy, service, self.surroundings, self.config.lists))
        members: list[Member] = []
        warnings: list[Warned] = []
        listed = policy.auth_type if isinstance(policy.auth_type, tuple) else ()
        any_of: list[Member] = []
        uses += _implied(policy, listed, uses)
        unfit: list[Problem] = []
        for one in uses:
            try:
                meta = self._meta(one, route)
            except Unfit as error:
                unfit += error.problems
                continue
            what = state(one.use.name, meta, self.surroundings)
            if what == RUNS:
                try:
                    why += self._fit(one, meta, route, any_of if one.use.name in listed else members, warnings)
                except Unfit as error:
                    unfit += error.problems
            elif what in (MISSING, BARRED):
                why.append(_closing(one.use.name, what, self.surroundings.file))
            elif what == SKIPPED:
                text = f"plugin {one.use.name!r} is not in `plugins` of {self.surroundings.file}: it is skipped here"
                warnings.append(Warned(one.level.origin, one.origin.line, text))
        if unfit:
            raise Unfit(unfit)
        if isinstance(policy.auth_type, tuple) and not why:
            why += self._any_of(any_of, members)
        return Verdict(
            tuple(why),
            policy.guarded or any(self._guards(one.use.name) for one in uses),
            frozenset(list_names(policy)),
            tuple(members),
            frozenset(one.use.name for one in uses),
            any(self._hears(one.use.name) for one in uses),
            tuple(warnings),
        )

    def chain(self, policy: Policy, verdict: Verdict, spot: Spot) -> Chain | None:
        """The chain of an open path. Raises ValueError (for people) where its policy can't be enforced after all."""
        guards = made(policy, spot, Here(self.surroundings, self.config))
        return self.surroundings.roster.chain([*verdict.members, *guards])

    def _fit(self, one: Use, meta: Meta, route: str, members: list[Member], warnings: list[Warned]) -> Iterator[str]:
        """Add its member and what it warns of, or say why there is none."""
        use, kind = one.use, self.surroundings.installed.types[one.use.name]
        place = (*one.level.place, use.name)
        try:
            conf = use.conf or {}
            member = self.surroundings.roster.member(place, kind, conf, meta, one.origin, self.config)
        except Misfit as misfit:
            raise Unfit(_problems(one, misfit, route)) from None
        except OutOfOrder as error:
            yield str(error)
        else:
            members.append(member)
            warnings += self._warned(one, member)

    def _warned(self, one: Use, member: Member) -> list[Warned]:
        """What the plugin itself warns of; where it can't even say that, it is reported like any failure of its own."""
        try:
            found = [(str(field), str(text)) for field, text in member.plugin.warnings()] if member.plugin else []
        except Exception as error:
            self.surroundings.roster.tools.raised(member.name, "", error)
            return []
        said = [(field, f"{field}: {text}" if field else text) for field, text in found]
        name, origin = member.name, one.level.origin
        return [Warned(origin, one.use.line_of((f,) if f else ()), f"plugin {name!r}: {text}") for f, text in said]

    def _any_of(self, plugins: Sequence[Member], members: list[Member]) -> Iterator[str]:
        """Add the member that asks all of `plugins`, or say why there is none."""
        asked = [member.plugin for member in plugins if isinstance(member.plugin, AuthPlugin)]
        strange = [member.name for member in plugins if not isinstance(member.plugin, AuthPlugin)]
        if strange:
            yield f"auth_type names {', '.join(strange)}: no auth plugin"
            return
        key = "auth", tuple(plugins)

        def make() -> Member:
            return Member("auth", PRIORITY, {"access": AnyOf(asked).access}, kept=key)

        members.append(self.surroundings.roster.guard(key, make))

    def _meta(self, one: Use, route: str) -> Meta:
        try:
            return read_meta(one.use.conf or {})
        except Misfit as misfit:
            raise Unfit(_problems(one, misfit, route)) from None

    def _hears(self, name: str) -> bool:
        """Whether it is told of lists and consumers: what can't begin with these may with others."""
        kind = self.surroundings.installed.types.get(name)
        return kind is not None and hasattr(kind.cls, "on_config")

    def _guards(self, name: str) -> bool:
        """Whether who asks decides there: what is not known may be asking."""
        kind: PluginType | None = self.surroundings.installed.types.get(name)
        return name not in HARMLESS and (kind is None or kind.cls.admits)


def _implied(policy: Policy, listed: Sequence[str], uses: Sequence[Use]) -> list[Use]:
    """Auth plugins that `auth_type` lists and that no level configures: as they are without (their own defaults)."""
    there = {one.use.name for one in uses}
    level = Level(policy.origins["auth_type"], ("auth_type",), ())
    return [Use(PluginUse(name, {}), level) for name in dict.fromkeys(listed) if name not in there]


def _closing(name: str, what: str, file: str) -> str:
    if what == MISSING:
        return f"plugin {name!r} is not installed"
    return f"plugin {name!r} guards this path and is not in `plugins` of {file}"


def _problems(one: Use, misfit: Misfit, route: str) -> Iterator[Problem]:
    for path, message in misfit.faults:
        line, column = place_of(one.use, path)
        text = f"plugin {one.use.name!r}: {message}"
        yield Problem(one.level.origin.file, line, column, text, "", route or None)


class Outermost:
    """What gateway.yaml makes of a path of which no document says anything; of rules and the service proxy too."""

    def __init__(self, fitter: Fitter) -> None:
        surroundings = fitter.surroundings
        origin = Origin("global", "", surroundings.file, 0)
        self.fitter = fitter
        self.level = Level(origin, ("global",), surroundings.plugins)
        self.policy = merge([(origin, surroundings.access)])
        self.verdict = fitter.verdict(self.policy, Service(), [self.level])
        login = surroundings.login
        strips = login is not None and login.strip is not None
        #: Nothing at all is to be noted of such a path, and nobody takes part in its exchanges.
        self.plain = not (self.verdict.why or self.verdict.plugins or self.policy.asks() or strips)

    @classmethod
    def of(cls, surroundings: Surroundings, config: Config = NOTHING) -> Outermost:
        """In these surroundings, with these lists and consumers."""
        return cls(Fitter(surroundings, config))

    def chain(self, spot: Spot) -> tuple[Chain | None, tuple[str, ...]]:
        """The chain at `spot`, and why it is closed there."""
        if self.verdict.why:
            return None, self.verdict.why
        try:
            return self.fitter.chain(self.policy, self.verdict, spot), ()
        except ValueError as error:
            return None, (str(error),)
