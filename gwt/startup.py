"""What a gateway says when it starts: version, where its configuration came from, listeners, routes, problems.

Pure: values in, lines out. The line that begins with `ready` is what tools may wait for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gwt.model.problem import format_problem
from gwt.snapshot import Snapshot

#: Problems shown in full; the others are counted.
SHOWN = 5

SCHEMES = {"ssl": "https", "tls": "https"}


@dataclass(frozen=True, slots=True)
class Figures:
    """What is in force at start: counts of the snapshot, and what is wrong, as rendered lines a problem."""

    routes: int = 0
    hosts: int = 0
    services: int = 0
    endpoints: int = 0
    problems: int = 0
    worst: Sequence[Sequence[str]] = ()


def figures_of(snapshot: Snapshot) -> Figures:
    """What is in force, counted."""
    hosts, routes = set(), set()
    for pattern, entry in snapshot.router.entries():
        hosts.add(pattern)
        if entry.target.origin.rule is None:
            routes.add(entry.target.route)
    services = {upstream.key: len(upstream.endpoints) for upstream in snapshot.upstreams.values()}
    problems = [problem for problem in snapshot.problems() if problem.severity == "error"]
    worst = [format_problem(problem).splitlines() for problem in problems[:SHOWN]]
    return Figures(len(routes), len(hosts), len(services), sum(services.values()), len(problems), worst)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the message needs. `listeners` maps a role to its addresses as shown; `runtime` is one line."""

    version: str
    runtime: str
    configuration: str
    store: str
    listeners: Mapping[str, Sequence[str]]
    figures: Figures = Figures()
    workers: int = 1
    seconds: float = 0.0
    demo: Sequence[str] = ()
    notes: Sequence[str] = ()


def banner(facts: Facts, colour: bool = False) -> list[str]:
    """The lines of the message."""
    paint = _paint if colour else _plain
    lines = ["", f"  {paint('1', f'gwt {facts.version}')}  {paint('2', facts.runtime)}", ""]
    if facts.demo:
        lines[1:1] = [f"  {paint('1;33', 'DEMO')}  example routes and three echo services, all in this process", ""]
    rows = [("config", facts.configuration), ("store", facts.store)]
    for role, addresses in facts.listeners.items():
        rows += [(role.replace("_", " "), paint("36", address)) for address in addresses]
    rows.append(("routes", _counted(facts.figures)))
    if facts.workers > 1:
        rows.append(("workers", str(facts.workers)))
    width = max(len(name) for name, _ in rows)
    lines += [f"  {name:<{width}}  {value}" for name, value in rows]
    lines += [f"  {paint('33', 'note')}  {note}" for note in facts.notes]
    lines += _problems(facts.figures, paint)
    if facts.demo:
        lines += ["", "  try", *(f"  {line}" for line in facts.demo)]
    lines += ["", f"  {paint('32', 'ready')} in {facts.seconds:.1f} s; Ctrl-C or SIGTERM ends it, SIGHUP reloads"]
    if facts.demo:
        lines.append(f"  {paint('1;33', 'DEMO')}  for your own, write a gateway.yaml here or give --config FILE")
    return [*lines, ""]


def _counted(figures: Figures) -> str:
    return (
        f"{_some(figures.routes, 'route')} for {_some(figures.hosts, 'host')}, "
        f"{_some(figures.services, 'service')} with {_some(figures.endpoints, 'endpoint')}"
    )


def _some(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _problems(figures: Figures, paint: Callable[[str, str], str]) -> list[str]:
    if not figures.problems:
        return []
    lines = ["", f"  {paint('31', _some(figures.problems, 'problem'))}  (what they stand in is not in force)"]
    for problem in figures.worst[:SHOWN]:
        lines += [f"    {line}" for line in problem]
    if figures.problems > SHOWN:
        lines.append(f"    ... and {figures.problems - SHOWN} more: GET /v1/problems, or `gwt check`")
    return lines


def _paint(code: str, text: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m"


def _plain(code: str, text: str) -> str:
    return text


def address(text: str, host: object, schemes: Mapping[str, str] = SCHEMES) -> str:
    """How an endpoint string is shown once it listens at `host` (a Twisted address): as a URL where it has one.

    `schemes` gives the scheme by the kind of endpoint; what it lacks is http, or tcp where it knows nothing.
    """
    kind, _, rest = text.partition(":")
    proxied = kind == "haproxy"
    if proxied:
        kind = rest.partition(":")[0]
    name = getattr(host, "name", None)
    if name is not None:
        return f"unix:{name.decode('utf-8', 'replace') if isinstance(name, bytes) else name}"
    where, port = getattr(host, "host", ""), getattr(host, "port", 0)
    shown = f"[{where}]" if ":" in where else where
    scheme = schemes.get(kind, "http" if schemes else "tcp")
    return f"{scheme}://{shown}:{port}" + (" (PROXY protocol)" if proxied else "")
