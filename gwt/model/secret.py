"""`${env:NAME}` and `${file:PATH}` in the gateway's own configuration, and texts that must not be shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from gwt.model.validate import Fault, Trail

MASK = "***"
_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}")
#: To the last `@` of the word: a password in which `/` was not escaped is one all the same.
_URL_PASSWORD = re.compile(r"(?<=://)([^/@:\s]*):\S*@")

#: What looks like a key of 32 bytes or more in base64 or hexadecimal, wherever it stands.
_KEY = re.compile(r"[A-Za-z0-9+/_-]{42,}={0,2}")
_SHOWN = re.compile(r"""[^\s\[\],"'-]""")
_SECRET_VALUE = re.compile(
    r"""(\b\w*(?:token|keys|_key|users|hash|passw\w*|secret|private\w*)["']?\s*:\s*)(?!\S*\$\{)(\S.*)"""
)

ReadFile = Callable[[str], str]


class Secret(str):
    """A text that shows itself masked: printed, formatted or in a repr. Everything else works on the real text.

    `shown` is what is shown instead: where it came from, if it was a reference.
    """

    __slots__ = ("shown",)
    shown: str

    def __new__(cls, value: str, shown: str = MASK) -> Secret:
        self = super().__new__(cls, value)
        self.shown = shown
        return self

    def reveal(self) -> str:
        """The real text, as a plain str."""
        return str.__str__(self)

    def __repr__(self) -> str:
        return repr(self.shown)

    def __str__(self) -> str:
        return self.shown

    def __format__(self, spec: str) -> str:
        return format(self.shown, spec)

    def __reduce__(self) -> tuple[Any, ...]:
        return Secret, (self.reveal(), self.shown)


def reveal(value: str) -> str:
    """The real text of a Secret or of a plain str."""
    return value.reveal() if isinstance(value, Secret) else value


def mask_line(line: str) -> str:
    """A line of configuration with what may be secret in it overwritten; nothing else moves."""
    line = _SECRET_VALUE.sub(lambda match: match[1] + re.sub(r"[^\s\[\],\"']", "*", match[2]), line)
    line = _KEY.sub(lambda match: "*" * len(match[0]), line)
    return _URL_PASSWORD.sub(lambda match: f"{match[1]}:{'*' * (len(match[0]) - len(match[1]) - 2)}@", line)


def mask_value(line: str) -> str:
    """A line that holds nothing but (a part of) a secret, overwritten; references may be seen."""
    return line if "${" in line else _SHOWN.sub("*", line)


def mask_url(url: str) -> str:
    """`url` as a Secret if it holds a password, which is then shown masked."""
    if isinstance(url, Secret):
        return url
    masked = _URL_PASSWORD.sub(rf"\1:{MASK}@", url)
    return Secret(url, masked) if masked != url else url


def interpolate(value: Any, env: Mapping[str, str], read_file: ReadFile, trail: Trail, faults: list[Fault]) -> Any:
    """`value` with every reference in its texts resolved, as Secrets; `$${` stands for a literal `${`."""
    if isinstance(value, dict):
        return {key: interpolate(item, env, read_file, (trail, key), faults) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolate(item, env, read_file, (trail, index), faults) for index, item in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value
    found: list[str] = []

    def resolve(match: re.Match[str]) -> str:
        if match[1] is None:
            return "${"
        found.append(match[1])
        try:
            return _resolve(match[1], env, read_file)
        except (ValueError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            faults.append(Fault(trail, f"${{{match[1]}}}: {reason}"))
            return match[0]

    text = _REFERENCE.sub(resolve, value)
    return Secret(text, value) if found else text


def _resolve(reference: str, env: Mapping[str, str], read_file: ReadFile) -> str:
    kind, _, name = reference.partition(":")
    if kind == "env" and name:
        if name not in env:
            raise ValueError("this variable is not set in the environment")
        return env[name]
    if kind == "file" and name:
        return read_file(name).rstrip("\r\n")
    raise ValueError("expected ${env:NAME} or ${file:PATH}")
