"""`gwt demo`: the demo, as `twistd -n gateway` runs it where there is no gateway.yaml."""

from __future__ import annotations

import sys

from gwt.cli.command import Command


class Options(Command):
    """Run the demo: example routes and three echo services in one process."""

    longdesc = (
        "Listens on 127.0.0.1: 9080 (proxy), 9081 (service proxy), 9180 (admin). Says what to try with curl. Ctrl-C "
        "ends it. The same as `twistd -n gateway --demo`."
    )

    def run(self) -> int:
        from twisted.scripts import twistd

        sys.argv = ["twistd", "-n", "--pidfile=", "gateway", "--demo"]
        twistd.run()
        return 0
