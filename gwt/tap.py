"""`twistd gateway`: the options, and the service that they make. Importing this imports no reactor."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from twisted.application.service import IService
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from gwt import __version__
from gwt.configuration import Configuration, ConfigurationError, find, load

FORMATS = ("text", "json")


class Options(UsageOptions):
    """Everything else stands in gateway.yaml."""

    synopsis = "[--config gateway.yaml] [--check]"
    longdesc = (
        "Runs the gateway in the foreground until SIGTERM. Without --config it reads ./gateway.yaml; where there is "
        "none it runs a demo on 127.0.0.1. SIGHUP reads gateway.yaml again. The options of twistd itself (--reactor, "
        "--logfile, --pidfile, --uid ...) come before the word `gateway`. See docs/operations.md."
    )
    optParameters: Sequence[Sequence[Any]] = [
        ["config", "c", None, "The gateway.yaml to use"],
        ["log-format", None, "text", "The operational log: text or json"],
    ]
    optFlags: Sequence[Sequence[Any]] = [
        ["check", None, "Only check the configuration and its documents: exit 0, or 1 with every problem"],
        ["demo", None, "Run the demo, even if there is a ./gateway.yaml"],
    ]

    configuration: Configuration

    def opt_version(self) -> None:
        """Print the version and exit."""
        print(f"gwt {__version__}")
        raise SystemExit(0)

    def postOptions(self) -> None:
        """Read the configuration, settle what twistd and twist leave open, and choose the reactor."""
        if self["log-format"] not in FORMATS:
            raise UsageError(f"--log-format {self['log-format']}: choose text or json")
        self.read()
        self._settle_parent()
        if "twisted.internet.reactor" not in sys.modules:
            install_reactor()

    def read(self) -> None:
        """Read the configuration; ends the process where that can't be done, or with --check."""
        if self["demo"] and self["config"]:
            raise UsageError("--demo and --config exclude each other")
        if self["check"]:
            from gwt.cli.check import check_gateway

            raise SystemExit(check_gateway(find(self["config"], self["demo"])))
        try:
            self.configuration = load(find(self["config"], self["demo"]))
        except ConfigurationError as error:
            print(error.brief, file=sys.stderr)
            raise SystemExit(2) from None

    def _settle_parent(self) -> None:
        """Stay in the foreground, drop no twistd.pid, and log like a gateway, unless told otherwise."""
        parent = self.parent
        if parent is None:
            return
        suffix = "_json" if self["log-format"] == "json" else ""
        if "nodaemon" in parent:
            parent["nodaemon"] = 1
            if parent["pidfile"] == "twistd.pid":
                parent["pidfile"] = ""
            if not (parent["logger"] or parent["logfile"] or parent["syslog"]):
                parent["logger"] = f"gwt.oplog.to_stdout{suffix}"
        elif "fileLogObserverFactory" in parent:
            from gwt import oplog

            parent["fileLogObserverFactory"] = lambda file: oplog.Observer(file.fileno(), self["log-format"])


def install_reactor() -> None:
    """uvloop's transports where there is uvloop, else what Twisted takes for this system."""
    from gwt import reactor

    if reactor.available():
        reactor.install()


def makeService(options: Options) -> IService:
    """The service of the gateway, or of its supervisor. What can't be bound ends the process here with status 2."""
    from twisted.internet import reactor

    from gwt.process.service import make_service

    return make_service(reactor, options.configuration, options["log-format"])
