"""Requests for hosts that demand a client certificate, on connections that have and have not shown one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gwt.edge.demand import DemandResource
from gwt.edge.resource import Refusal
from gwt.model.certificate import ClientAuth
from gwt.phase.exchange import Exchange
from gwt.wire.request import RequestHead

REQUIRE, OTHER, OPTIONAL = ClientAuth("require", "a"), ClientAuth("require", "b"), ClientAuth("optional", "a")
DEMANDS = {"require.x": REQUIRE, "optional.x": OPTIONAL}


class Asked(Exchange):
    """An exchange on a connection whose name has demanded `shown` (0: in the clear)."""

    def __init__(self, host: bytes, shown: Any, authority: bytes | None = None) -> None:
        head = RequestHead()
        head.host, head.authority = host, authority
        super().__init__(head)
        self._shown = shown

    @property
    def tls(self) -> Any:
        return None if self._shown == 0 else SimpleNamespace(demand=self._shown)


class Root:
    def getChildWithDefault(self, name: bytes, request: Any) -> Any:
        return self


@pytest.mark.parametrize(
    ("host", "shown", "admitted"),
    [
        (b"require.x", REQUIRE, True),
        (b"Require.X:443", REQUIRE, True),
        (b"require.x", OTHER, False),
        (b"require.x", None, False),
        (b"REQUIRE.x.:80", 0, False),
        (b"optional.x", OPTIONAL, True),
        (b"optional.x", REQUIRE, False),
        (b"optional.x", 0, True),
        (b"open.x", None, True),
        (b"open.x", REQUIRE, True),
        (b"no host", None, True),
    ],
)
def test_what_was_shown_is_what_the_host_demands(host: bytes, shown: Any, admitted: bool) -> None:
    root = Root()
    tree = DemandResource(root, DEMANDS.get)
    found = tree.getChildWithDefault(b"", Asked(host, shown))
    assert (found is root, isinstance(found, Refusal)) == (admitted, not admitted)


def test_the_authority_counts() -> None:
    tree = DemandResource(Root(), DEMANDS.get)
    assert isinstance(tree.getChildWithDefault(b"", Asked(b"open.x", None, b"require.x")), Refusal)
    with pytest.raises(TypeError):
        tree.putChild(b"", None)
