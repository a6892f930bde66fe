"""Deadlines that upstreams and mounted resources have in common; over real sockets: tests/test_proxy_pace.py."""

from __future__ import annotations

from typing import Any

import pytest
from edge.rig import Rig
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from gwt.model.route import Access, Path, Service, Timeout

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Stuck(Resource):
    """Never answers."""

    isLeaf = True

    def render_GET(self, request: Any) -> Any:
        return NOT_DONE_YET


@pytest.fixture(params=["upstream", "resource"])
def stuck(request: pytest.FixtureRequest) -> Rig:
    """Whoever answers has 2 seconds to begin, and then 1 from byte to byte, but does not begin."""
    access, resources = Access(timeout=Timeout(2.0, 2.0, 1.0, None)), {"it": Stuck()}
    if request.param == "upstream":
        return Rig(answer=None, access=access).send(GET)
    service = Service(resource="it", paths=(Path("/"),))
    return Rig(service=service, access=access, resources=resources).send(GET)


def test_a_deadline_is_told_once_and_nothing_waits_any_more(stuck: Rig) -> None:
    assert stuck.pass_time(1.8).statuses == []
    assert stuck.pass_time(0.4).statuses == [504] and len(stuck.ticker) == 0
    assert [one.code for one in stuck.finished] == ["timeout"]
    assert stuck.pass_time(5).statuses == [504]


def test_a_client_that_was_slow_before_the_answer_costs_nobody_the_time_to_begin(stuck: Rig) -> None:
    stuck.channel.pauseProducing()
    stuck.pass_time(3)
    stuck.channel.resumeProducing()
    assert stuck.pass_time(1.8).statuses == []
    assert stuck.pass_time(0.4).statuses == [504]
