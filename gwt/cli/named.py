"""What settings name and what can't be used here: endpoints, tokens, files, plugins, resources.

Whatever ends a start is found here (but for a gateway's store, see `gwt.cli.inspection`) with nothing running: nothing
listens, nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.protocol import Factory

from gwt import accesslog, keychains
from gwt.admin import objection
from gwt.cli.offline import house_of
from gwt.model.configfile import Objection, placed
from gwt.model.controlleroptions import ControllerSettings, load_controller_settings
from gwt.model.options import STREAM
from gwt.model.route import Problem
from gwt.model.secret import reveal
from gwt.model.settings import Settings, load_settings
from gwt.model.yaml12 import PathTuple
from gwt.phase.installed import Broken
from gwt.plugging.desk import broken_lines
from gwt.resources import ResourceError, load_resource
from gwt.sockets import BindError, Wanted, listen
from gwt.store.base import StoreError
from gwt.store.open import check_url


def gateway_problems(text: str, file: str) -> tuple[Settings | None, list[Problem]]:
    """The Settings of a gateway.yaml, or None, and all that is wrong with it and with what it names."""
    settings, problems = load_settings(text, file, os.environ)
    if settings is not None:
        problems = [*problems, *placed(text, file, _of_gateway(settings, Path(file).parent))]
    return settings, problems


def controller_problems(text: str, file: str) -> list[Problem]:
    """All that is wrong with a controller.yaml and with what it names."""
    settings, problems = load_controller_settings(text, file, os.environ)
    return problems if settings is None else [*problems, *placed(text, file, _of_controller(settings))]


class _Dry:
    """A source of sockets that has none and binds none."""

    def sockets(self, wanted: Wanted) -> Sequence[Any]:
        return ()


def _of_gateway(settings: Settings, base: Path) -> Iterator[Objection]:
    for role, texts in settings.listeners.by_role().items():
        path = ("stream", role.removeprefix(STREAM)) if role.startswith(STREAM) else (role,)
        yield from _endpoints(role, texts, ("listeners", *path))
    strangers = objection(settings.listeners.admin, settings.admin_token, settings.metrics_token)
    if strangers is not None:
        yield strangers
    yield from keychains.objections(settings.tls, base)
    yield from accesslog.objections(settings.access_log, base)
    for broken in house_of(settings).installed.broken:
        yield Objection(_plugin_path(settings, base, broken), *broken_lines([broken]))
    for name, factory in settings.resources.items():
        try:
            load_resource(name, factory)
        except ResourceError as error:
            yield Objection(("resources", name), str(error))


def _of_controller(settings: ControllerSettings) -> Iterator[Objection]:
    yield from _endpoints("listen", settings.listen, ("listen",))
    try:
        check_url(reveal(settings.store))
    except StoreError as error:
        yield Objection(("store",), str(error))


def _endpoints(role: str, texts: Sequence[str], path: PathTuple) -> Iterator[Objection]:
    for index, text in enumerate(texts):
        if text.startswith("systemd:"):
            continue  # its descriptors are handed to the gateway, not to a tool
        try:
            listen(None, _Dry(), role, text, Factory())
        except BindError as error:
            yield Objection((*path, index), str(error))


def _plugin_path(settings: Settings, base: Path, broken: Broken) -> PathTuple:
    """The entry of plugin_path that leads to what is no plugin; all of it, where that came with a package."""
    paths = [base / path for path in settings.plugin_path]
    place = Path(broken.place)
    found = next((one for one in (place, place.parent) if one in paths), None)
    return ("plugin_path",) if found is None else ("plugin_path", paths.index(found))
