"""`twistd gateway-controller`: the options, and the service that they make. Importing this imports no reactor."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.application.service import IService

from gwt.configuration import ConfigurationError, shown
from gwt.kube.config import Cluster, KubeConfigError, in_cluster, kubeconfig
from gwt.model.controlleroptions import ControllerSettings, load_controller_settings
from gwt.model.secret import reveal
from gwt.tap import Options as GatewayOptions

if TYPE_CHECKING:
    from gwt.controlling import Controlling

DEFAULT = "controller.yaml"


class Options(GatewayOptions):
    """Everything else stands in controller.yaml."""

    synopsis = "[--config controller.yaml] [--check]"
    longdesc = (
        "Keeps the store in step with Kubernetes: ConfigMaps that carry Routes, Services and EndpointSlices. Runs in "
        "the foreground until SIGTERM. Without --config it reads ./controller.yaml; where there is none, the defaults "
        "hold. See docs/controller.md."
    )
    optParameters: Sequence[Sequence[Any]] = [
        ["config", "c", None, "The controller.yaml to use"],
        ["log-format", None, "text", "The operational log: text or json"],
    ]
    optFlags: Sequence[Sequence[Any]] = [
        ["check", None, "Only check the configuration: exit 0, or 1 with every problem"],
    ]

    settings: ControllerSettings

    def read(self) -> None:
        """Read the configuration; ends the process where that can't be done, or with --check."""
        if self["check"]:
            raise SystemExit(check(self["config"]))
        try:
            self.settings = load(self["config"])
        except ConfigurationError as error:
            print(error.brief, file=sys.stderr)
            raise SystemExit(2) from None


def check(option: str | None) -> int:
    """Check the file; the exit status. The defaults, which hold where there is none, are right."""
    from gwt.cli.check import check_controller

    return check_controller(Path(option or DEFAULT)) if option is not None or Path(DEFAULT).exists() else 0


def load(option: str | None) -> ControllerSettings:
    """Read and check the file. Raises ConfigurationError."""
    if option is None and not Path(DEFAULT).exists():
        return ControllerSettings()
    path = Path(option or DEFAULT).absolute()
    file = shown(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"not UTF-8 ({error.reason})"
        raise ConfigurationError([f"gwt: cannot read {file}: {reason}"]) from error
    settings, problems = load_controller_settings(text, file, os.environ)
    errors = [problem for problem in problems if problem.severity == "error"]
    if settings is None or errors:
        raise ConfigurationError.of(errors or problems)
    return settings


def find_cluster(settings: ControllerSettings) -> Cluster:
    """Where the API server is. Raises KubeConfigError."""
    where = settings.kubernetes
    if where is None:
        return in_cluster(os.environ, read_bytes)
    if where.path is not None:
        base = Path(settings.file).absolute().parent if settings.file else Path.cwd()
        paths = [str(base / Path(where.path).expanduser())]
    else:
        listed = os.environ.get("KUBECONFIG", "")
        paths = [one for one in listed.split(os.pathsep) if one] or [str(Path("~/.kube/config").expanduser())]
    return kubeconfig(paths, where.context, read_bytes)


def read_bytes(path: str) -> bytes:
    """A file. Raises OSError."""
    return Path(path).read_bytes()


def makeService(options: Options) -> IService:
    """The service of the controller. What can't be used ends the process here with one line and status 2."""
    from twisted.internet import reactor

    from gwt.controlling import make_controlling
    from gwt.process.common import TROUBLE, prepare
    from gwt.process.service import LifeService, give_up

    prepare(reactor)
    try:
        cluster = find_cluster(options.settings)
        life: Controlling = make_controlling(
            reactor, cluster, options.settings, reveal(options.settings.store), time.time
        )
    except (KubeConfigError, *TROUBLE) as error:
        give_up(error)
    return LifeService(reactor, life)
