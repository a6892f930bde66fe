"""Audit: who may reach what: every path of every host with what guards it and who said so; and rules about that.

Plain data out, the same offline and from the admin listener. A rule is `WORD:PATTERN`, as in `public:/admin*`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase, translate
from typing import Any, NamedTuple

from gwt.explain import plugins, policy, row
from gwt.fitting import RUNS
from gwt.guards import FIELDS_OF
from gwt.leaf import Leaf
from gwt.model.validate import suggest
from gwt.route.entry import Entry
from gwt.snapshot import Snapshot

#: What a rule can ask, and what it says of a path that has it.
WORDS = {
    "public": "anybody may enter",
    "unlimited": "nothing limits how often",
    "unlisted": "every address may enter",
    "closed": "the gateway itself answers with an error",
}
#: Where plugins stand that ask who somebody is.
_AUTH = range(2500, 2601)

Row = Mapping[str, Any]


class BadRule(ValueError):
    """A rule that can't be understood; the message is for people."""


def audit(snapshot: Snapshot) -> list[dict[str, Any]]:
    """A row for each path of each host, in the order in which they are tried.

    To those of `gwt.explain.row` come `auth`, `require`, `limits`, `lists`: lists of {what, set_by}, empty where there
    is nothing of the kind, and `reports`: plugins that only report. What is `closed` admits nobody.
    """
    return [audited(snapshot, host, entry) for host, entry in snapshot.router.entries()]


def audited(snapshot: Snapshot, host: str, entry: Entry) -> dict[str, Any]:
    """One row of `audit`."""
    leaf: Leaf = entry.target
    fields = policy(leaf.policy)
    running = [one for one in plugins(snapshot, leaf) if one["state"] == RUNS]
    found: dict[str, list[dict[str, str]]] = {"auth": [], "require": [], "limits": [], "lists": [], "reports": []}
    for name, kind in _KINDS.items():
        value = fields[name]["value"]
        if value not in (None, "public") and (value or name == "ip_allow"):
            found[kind].append(_said(_written(name, value), fields[name]["set_by"]))
    for one in running:
        use = "reports" if one["mode"] == "report" else _kind(one)
        if use is not None and one["name"] not in FIELDS_OF:
            found[use].append(_said(one["name"], one["set_by"]))
    return {**row(snapshot, host, entry), "auth_type": fields["auth_type"], **found}


#: Fields of `access`, and what they are for.
_KINDS = {"auth_type": "auth", "require": "require", "rate_limits": "limits", "ip_allow": "lists", "ip_deny": "lists"}


def _said(what: str, set_by: str) -> dict[str, str]:
    return {"what": what, "set_by": set_by}


def _kind(plugin: Mapping[str, Any]) -> str | None:
    """What a plugin that runs is for, as far as it matters here."""
    name = plugin["name"]
    if name == "ip-restriction":
        return "lists"
    if name.startswith("limit-"):
        return "limits"
    return "auth" if name.endswith("-auth") or plugin["priority"] in _AUTH else None


def _written(name: str, value: Any) -> str:
    if name == "rate_limits":
        return ", ".join(f"{one['rate']}/s{_by(one['selectors'])}{_fails(one['fail'])}" for one in value)
    if name == "require":
        return ", ".join(f"{claim}: {' or '.join(values)}" for claim, values in value.items())
    said = " or ".join(value) or "nobody" if isinstance(value, list) else str(value)
    return {"ip_allow": f"only {said}", "ip_deny": f"not {said}"}.get(name, said)


def _by(selectors: Sequence[str]) -> str:
    return f" by {', '.join(selectors)}" if selectors else ""


def _fails(how: str) -> str:
    return "" if how == "local" else f" ({how} without the shared counter)"


# -- rules


class Rule(NamedTuple):
    """`word` of WORDS; `host` and `path` are globs."""

    word: str
    host: str
    path: str

    def __str__(self) -> str:
        return f"{self.word}:{'' if self.host == '*' else self.host}{self.path}"


class Finding(NamedTuple):
    """A path that a rule forbids: its `row`, and a request `path` that gets there."""

    rule: Rule
    row: Row
    path: str

    def __str__(self) -> str:
        """One line for people, without the place."""
        row = self.row
        path = row["uri"] if row["match"] == "prefix" else f"{row['match']} {row['uri']}"
        why = f"{row['closed']}" if self.rule.word == "closed" else WORDS[self.rule.word]
        if self.rule.word == "public":
            why = f"auth_type {row['auth_type']['value']}, set by {row['auth_type']['set_by']}"
        return f"{self.rule}: {row['host']}{self.path} is answered by {path} of {row['route']}: {why}"


def read_rule(text: str) -> Rule:
    """WORD:PATTERN; PATTERN is PATH or HOST/PATH with `*`. Raises BadRule."""
    word, colon, pattern = text.partition(":")
    if word not in WORDS:
        raise BadRule(f"{text!r}: a rule begins with {', '.join(WORDS)}{suggest(word, WORDS)}")
    host, slash, path = pattern.partition("/")
    if not colon or not pattern or (not slash and pattern != "*"):
        raise BadRule(f"{text!r}: after {word}: comes a path such as /admin*, with a host before it if need be")
    return Rule(word, host or "*", "/" + path if slash else "/*")


def findings(rows: Sequence[Row], rules: Iterable[Rule]) -> Iterator[Finding]:
    """Everything in `rows` that `rules` forbid, each row once for a rule."""
    hosts: dict[str, list[tuple[Row, Entry]]] = {}
    for one in rows:
        entry = Entry(one["uri"].encode("latin-1"), one["match"], one["priority"])
        hosts.setdefault(one["host"], []).append((one, entry))
    for rule in rules:
        for host, entries in hosts.items():
            if fnmatchcase(host, rule.host):
                yield from _broken(rule, entries)


def _broken(rule: Rule, entries: Sequence[tuple[Row, Entry]]) -> Iterator[Finding]:
    """Those of one host: for each path that the rule is about, whoever may answer it."""
    found: dict[int, Finding] = {}
    for path in _paths(rule.path, entries):
        for number, (one, entry) in enumerate(entries):
            if not entry.applies(path.encode("latin-1")):
                continue
            if number not in found and _is(rule.word, one):
                found[number] = Finding(rule, one, path)
            if not one["conditions"]:
                break
    yield from (found[number] for number in sorted(found))


def _paths(glob: str, entries: Sequence[tuple[Row, Entry]]) -> Iterator[str]:
    """Paths that stand for all that `glob` is about: where it begins, what is below, and what the host has there."""
    begin = re.split(r"[*?\[]", glob, maxsplit=1)[0]
    if begin in (glob, "/") or not begin.endswith("/"):
        yield begin
    if glob.endswith("*"):
        yield (begin.rstrip("/") or "") + "/~"
    fits = re.compile(translate(glob)).match
    for one, entry in entries:
        uri = re.sub(r"\{[^}]*\}", "~", one["uri"]) if entry.match == "template" else one["uri"]
        if entry.match == "regex":
            uri = _example(uri)
        if fits(uri):
            yield uri


def _example(regex: str) -> str:
    """The literal text with which a regex begins."""
    text = re.sub(r"^(\\A|\^)", "", regex)
    literal = re.match(r"(?:[\w/~%.-](?![*?+{])|\\[.\-/])*", text)
    return (literal[0] if literal else "").replace("\\", "")


def _is(word: str, one: Row) -> bool:
    if word == "closed":
        return one["closed"] not in (None, "denied")
    if one["closed"] is not None:
        return False
    if word == "public":
        return not any(said["what"] != "optional" for said in one["auth"])
    return not one["limits" if word == "unlimited" else "lists"]
