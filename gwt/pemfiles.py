"""Certificates from files: listed ones and those of a directory, looked at for changes, the last good of each kept.

A certificate and its key change one after the other: a pair that does not fit yet is looked at again when either file
changes. `look` may block and belongs into a thread, but for the first time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gwt.model.certificate import Certificate, ClientAuth, read_bundle, read_certificate
from gwt.model.options import CertificateFiles, ClientAuthFiles
from gwt.stamps import Stamp, racy, stamp_of

#: Bytes of one file of PEM.
_LARGEST = 1 << 20

#: Pairs looked at in a row (some 1 ms), and seconds of rest after them, and after each that is read: whoever serves
#: requests in another thread would else wait for Python's lock, milliseconds each time.
PORTION = 128
BREATH = 0.0001

#: Of each file of a certificate; None for one that can't be seen.
Stamps = tuple[Stamp | None, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """What was found: certificates by file, in the order in which they count, and what is wrong, by file."""

    certificates: Mapping[str, Certificate] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


class PemFiles:
    """`listed` ones, then those of `directory`; relative paths begin at `base`. `before`: what was good so far.

    `wall` gives the time of file systems in ns.
    """

    def __init__(
        self, base: Path, listed: tuple[CertificateFiles, ...], directory: str | None, before: Held | None = None,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:  # fmt: skip
        self._base, self._listed, self._wall = base, listed, wall
        self._directory = None if directory is None else str(base / os.path.expanduser(directory))
        self._places: dict[CertificateFiles, list[str]] = {}
        self._last: list[CertificateFiles] = []
        self._stamps: dict[str, Stamps] = {}
        self.held = before or Held()

    @property
    def wanted(self) -> bool:
        """Whether there is anything to look at."""
        return bool(self._listed) or self._directory is not None

    def look(self) -> Held:
        """Read what has changed. The same object as before where nothing has."""
        before, changed, now = self.held, False, self._wall()
        certificates: dict[str, Certificate] = {}
        problems: dict[str, str] = {}
        stamps: dict[str, Stamps] = {}
        places: dict[CertificateFiles, list[str]] = {}
        wanted = list(self._all(problems))
        self._last = wanted
        for number, files in enumerate(wanted, 1):
            name = files.cert
            if number % PORTION == 0:
                time.sleep(BREATH)
            paths = places[files] = self._places.get(files) or _paths(self._base, files)
            seen = tuple(map(_stamp, paths))
            if not any(one is not None and racy(one, now) for one in seen):
                stamps[name] = seen  # else it is read again: a change right after this look would not show
            if seen == self._stamps.get(name):
                if name in before.problems:
                    problems[name] = before.problems[name]
                if name in before.certificates:
                    certificates[name] = before.certificates[name]
                continue
            time.sleep(BREATH)
            try:
                certificates[name] = _read(self._base, files)
                changed = changed or certificates[name] != before.certificates.get(name)
            except ValueError as error:
                problems[name] = str(error)
                if name in before.certificates:
                    problems[name] += "; the one before it stays in force"
                    certificates[name] = before.certificates[name]
        self._stamps, self._places = stamps, places
        if changed or problems != before.problems or certificates.keys() != before.certificates.keys():
            self.held = Held(certificates, problems)
        return self.held

    def _all(self, problems: dict[str, str]) -> Iterator[CertificateFiles]:
        yield from self._listed
        if self._directory is None:
            return
        try:
            yield from _pairs(self._directory)
        except OSError as error:
            problems[self._directory] = f"the directory can't be read: {error.strerror}; what was there stays"
            yield from (files for files in self._last if files not in self._listed)


def read_client_auth(base: Path, files: ClientAuthFiles | None) -> ClientAuth | None:
    """What is asked of clients. ValueError where the file is none of certificates."""
    return None if files is None else ClientAuth(files.mode, bundle(base, files.ca))


def bundle(base: Path, name: str) -> str:
    """The certificates of authorities in a file. ValueError with its name."""
    path = base / os.path.expanduser(name)
    try:
        return read_bundle(_text(path))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _pairs(directory: str) -> Iterator[CertificateFiles]:
    """NAME.crt (or .pem) with NAME.key, NAME.pem with both, NAME/tls.crt with NAME/tls.key; by name."""
    names = sorted(os.listdir(directory))
    there = set(names)
    for name in names:
        stem, _, kind = name.rpartition(".")
        path = f"{directory}/{name}"
        if name.startswith(".") or kind == "key":
            continue
        if kind in ("crt", "pem"):
            if f"{stem}.key" in there:
                yield CertificateFiles(path, f"{directory}/{stem}.key")
            elif kind == "pem":
                yield CertificateFiles(path, path)
        elif os.path.exists(f"{path}/tls.crt"):
            yield CertificateFiles(f"{path}/tls.crt", f"{path}/tls.key")


def _paths(base: Path, files: CertificateFiles) -> list[str]:
    named = [files.cert, files.key, *([files.client_auth.ca] if files.client_auth else [])]
    return [os.path.join(base, os.path.expanduser(name)) for name in named]


def _read(base: Path, files: CertificateFiles) -> Certificate:
    cert, key, *_ = _paths(base, files)
    client_auth = read_client_auth(base, files.client_auth)
    return read_certificate(_text(cert), _text(key), files.names, client_auth)


def _text(path: str | Path) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise ValueError(f"can't be read: {error.strerror}") from None
    if len(data) > _LARGEST:
        raise ValueError("larger than 1 MiB")
    return data.decode("ascii", "replace")


def _stamp(path: str) -> Stamp | None:
    try:
        return stamp_of(os.stat(path))
    except OSError:
        return None
