"""`gwt`: the operator's tool. Each subcommand is a module with `Options`; it is imported when it is asked for."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from gwt import __version__
from gwt.cli.command import Command, CommandError
from gwt.cli.offline import Unreadable
from gwt.configuration import ConfigurationError

COMMANDS = {
    "demo": "Run the demo: example routes and echo services in one process",
    "check": "Check documents, or a gateway.yaml and its store",
    "explain": "Show why a request goes where it goes",
    "routes": "List what is routed where",
    "audit": "Show who may reach what, and fail where somebody must not",
    "history": "List the revisions of a shared store, or show one",
    "diff": "Show what changed between two revisions",
    "rollback": "Bring an earlier revision back",
    "upstream": "List services and their endpoints; put one, or take one away",
    "certificate": "List certificates of a store; put one, or take one away",
    "schema": "Print the JSON Schema of documents or of gateway.yaml",
    "plugin": "List plugins, print the schema of one, or write a new one",
    "session": "Seal and open session cookies",
}


def _options(name: str) -> Callable[[], Command]:
    return lambda: import_module(f"gwt.cli.{name}").Options()


class Options(UsageOptions):
    """The words after `gwt`."""

    synopsis = "Usage: gwt COMMAND [options]"
    longdesc = (
        "The gateway itself runs as `twistd -n gateway [--config gateway.yaml]`. "
        "`gwt COMMAND --help` tells more about a command."
    )
    subCommands: Sequence[Any] = [(name, None, _options(name), text) for name, text in COMMANDS.items()]

    def opt_version(self) -> None:
        """Print the version and exit."""
        print(f"gwt {__version__}")
        raise SystemExit(0)


def run(arguments: Sequence[str]) -> int:
    """Carry out a command line; the exit status: 0, 1 (what was asked about is not well), 2 (misuse)."""
    options = Options()
    try:
        options.parseOptions(list(arguments) or ["--help"])
        if options.subCommand is None:
            raise UsageError("say what to do, see `gwt --help`")
        command: Any = options.subOptions
        return int(command.run())
    except UsageError as error:
        print(f"gwt: {error}{_hint(arguments)}", file=sys.stderr)
        return 2
    except (CommandError, Unreadable, ConfigurationError) as error:
        print(error if isinstance(error, ConfigurationError) else f"gwt: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1


def _hint(arguments: Sequence[str]) -> str:
    word = next((word for word in arguments if not word.startswith("-")), "")
    if word in COMMANDS:
        return f" (see `gwt {word} --help`)"
    near = difflib.get_close_matches(word, COMMANDS, 1)
    return f", did you mean `gwt {near[0]}`?" if near else " (see `gwt --help`)"


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))
