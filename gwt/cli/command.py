"""What all subcommands of `gwt` are: Options that can be run."""

from __future__ import annotations

import difflib
import getopt
from collections.abc import Iterator, Sequence

from twisted.python.usage import Options, UsageError


class CommandError(Exception):
    """A command that can't be carried out; one line for people."""


class Command(Options):
    """The options of one subcommand, which may stand before, between and behind its words.

    `run` carries it out and returns the exit status.
    """

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """As Options does, with the words put last. Raises UsageError."""
        try:
            found, words = getopt.gnu_getopt(list(options or ()), self.shortOpt, self.longOpt)
        except getopt.GetoptError as error:
            raise UsageError(str(error)) from error
        super().parseOptions([*(part for pair in found for part in self._apart(*pair)), "--", *words])

    def _apart(self, name: str, value: str) -> Iterator[str]:
        yield name
        if f"{name[2:]}=" in self.longOpt if name.startswith("--") else f"{name[1]}:" in self.shortOpt:
            yield value

    def run(self) -> int:
        """Override me."""
        raise CommandError(f"{type(self).__module__} can't be run")

    def one_of(self, name: str, choices: Sequence[str]) -> None:
        """UsageError unless option `name` is one of `choices`."""
        value = self[name]
        if value not in choices:
            near = difflib.get_close_matches(str(value), choices, 1)
            hint = f", did you mean {near[0]!r}?" if near else f": choose {', '.join(choices)}"
            raise UsageError(f"--{name} {value!r} is not known{hint}")
