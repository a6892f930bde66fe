"""Which gateway.yaml is in force: found, read, and what is wrong with it said so that it can be mended."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from gwt.model.problem import brief, format_problem
from gwt.model.route import Problem
from gwt.model.settings import Settings, load_settings

DEFAULT = "gateway.yaml"


class ConfigurationError(Exception):
    """gateway.yaml can't be used. `lines` is what to print: one line, or every problem as `format_problem` tells it.

    `brief` is one line in any case, for a start.
    """

    def __init__(self, lines: Iterable[str], brief: str = "") -> None:
        self.lines = tuple(lines)
        self.brief = brief or self.lines[0]
        super().__init__("\n".join(self.lines))

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> ConfigurationError:
        """What these (at least one) are the reason of."""
        return cls(map(format_problem, problems), f"gwt: {brief(problems)}")


@dataclass(frozen=True, slots=True)
class Configuration:
    """A gateway.yaml that can be used. `path` is absolute (None: the demo), `text` is what was read there."""

    path: Path | None
    text: str
    settings: Settings

    @property
    def is_demo(self) -> bool:
        return self.path is None

    @property
    def base(self) -> Path:
        """Where relative paths in gateway.yaml begin."""
        return data_directory() if self.path is None else self.path.parent

    def describe(self) -> str:
        """Where the configuration came from, for the start-up message."""
        return "the demo that is built in (there is no ./gateway.yaml)" if self.path is None else str(self.path)


def data_directory() -> Path:
    """The directory of the files that are part of the package."""
    return Path(str(files("gwt"))) / "data"


def find(option: str | None, demo: bool = False) -> Path | None:
    """The file to read: `option`, else ./gateway.yaml where there is one; None means the demo."""
    if demo:
        return None
    if option is not None:
        return Path(option).absolute()
    return Path(DEFAULT).absolute() if Path(DEFAULT).exists() else None


def load(path: Path | None, env: Mapping[str, str] | None = None) -> Configuration:
    """Read and check the file, or the demo's for None. Raises ConfigurationError."""
    file = data_directory() / "demo-gateway.yaml" if path is None else path
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"not UTF-8 ({error.reason})"
        raise ConfigurationError([f"gwt: cannot read {shown(file)}: {reason}"]) from error
    return parse(text, path, env)


def parse(text: str, path: Path | None, env: Mapping[str, str] | None = None) -> Configuration:
    """Check the text of a gateway.yaml. Raises ConfigurationError with every problem."""
    file = shown(data_directory() / "demo-gateway.yaml" if path is None else path)
    settings, problems = load_settings(text, file, os.environ if env is None else env)
    errors = [problem for problem in problems if problem.severity == "error"]
    if settings is None or errors:
        raise ConfigurationError.of(errors or problems)
    return Configuration(path, text, settings)


def shown(path: Path) -> str:
    """`path` as people name it: relative where it lies below the working directory."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
