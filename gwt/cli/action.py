"""What `gwt certificate`, `gwt plugin` and `gwt upstream` share: the first word says what to do with the others."""

from __future__ import annotations

import re
from collections.abc import Mapping

from twisted.python.usage import UsageError

from gwt.cli.command import Command
from gwt.model.validate import suggest

_OPTIONS = re.compile(r"(\[--[^]]*\] )*")


class ActionCommand(Command):
    """A command that takes an action, `list` where none is said, and its words: `self["action"]`, `self["words"]`.

    `name` is the command's own; `actions` says how many words each takes, at least and at most; `synopsis` says which,
    behind options in brackets.
    """

    name: str
    actions: Mapping[str, tuple[int, int]]
    synopsis: str

    def parseArgs(self, action: str = "list", *words: str) -> None:
        self["action"], self["words"] = action, words

    def postOptions(self) -> None:
        """Raises UsageError for an action that there is not, or too few or too many words."""
        action = self["action"]
        if action not in self.actions:
            known = ", ".join(self.actions)
            raise UsageError(f"gwt {self.name} takes {known}, not {action!r}{suggest(action, self.actions)}")
        least, most = self.actions[action]
        if not least <= len(self["words"]) <= most:
            raise UsageError(f"gwt {self.name} {_OPTIONS.sub('', self.synopsis, count=1)}")
