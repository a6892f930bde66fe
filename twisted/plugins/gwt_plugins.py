"""What gwt offers to twistd and twist. Importing this installs no reactor and hardly loads anything."""

from twisted.application.reactors import Reactor
from twisted.application.service import ServiceMaker

gateway = ServiceMaker("gwt gateway", "gwt.tap", "An API gateway: routes, balances and guards HTTP traffic.", "gateway")

controller = ServiceMaker(
    "gwt gateway-controller",
    "gwt.controller_tap",
    "Keeps the store of gateways in step with Kubernetes.",
    "gateway-controller",
)

uvloop = Reactor("uvloop", "gwt.reactor", "Streams that are uvloop's own transports (pip install uvloop).")

__all__ = ["controller", "gateway", "uvloop"]
