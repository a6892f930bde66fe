"""What all subcommands of `gwt` are: Options that can be run."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from twisted.python.usage import Options, UsageError


class CommandError(Exception):
    """A command that can't be carried out; one line for people."""


class Command(Options):
    """The options of one subcommand; `run` carries it out and returns the exit status."""

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
