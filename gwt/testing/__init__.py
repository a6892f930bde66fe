"""For tests of plugins and of routes: a gateway in memory, strategies for Hypothesis, and laws that every plugin keeps.

    from gwt.testing import Gateway, assert_plugin_laws

Nothing of the gateway imports this. Needs Hypothesis (`pip install gwt[testing]`).
"""

from gwt.testing.client import Answer, Client, Request
from gwt.testing.gateway import Gateway
from gwt.testing.laws import LAWS, LawBroken, assert_plugin_laws
from gwt.testing.reading import Headers, Seen
from gwt.testing.upstreams import Says

__all__ = [
    "LAWS", "Answer", "Client", "Gateway", "Headers", "LawBroken", "Request", "Says", "Seen", "assert_plugin_laws",
]  # fmt: skip
