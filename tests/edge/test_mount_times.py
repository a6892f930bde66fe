"""The times of an answer hold for mounted resources; tests/test_bounded.py has what is the same for upstreams."""

from __future__ import annotations

from typing import Any

from edge.framed import Framed
from edge.rig import Rig
from edge.test_mount import Later, Told, get, mounted
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IPullProducer
from twisted.web.resource import Resource
from zope.interface import implementer

from gwt.model.route import Access, Path, Service, Timeout


def hanging(times: Timeout, resource: Resource) -> Rig:
    return mounted(resource, access=Access(timeout=times))


def test_first_byte_read_and_total() -> None:
    resource = Later()
    rig = hanging(Timeout(5.0, 2.0, 1.0, None), resource).send(get(b"/")).pass_time(1.8)
    assert rig.answers() == [] and resource.ended is None
    rig.pass_time(0.4)
    assert rig.statuses == [504] and rig.finished[0].code == "timeout"
    assert resource.ended.check(ConnectionLost) and not rig.wire.ended and len(rig.ticker) == 0
    resource.request.write(b"too late")
    rig.send(get(b"/"))
    for _ in range(3):
        resource.request.write(b"some")
        rig.pass_time(0.8)
    assert not rig.wire.aborted
    rig.pass_time(0.4)
    assert rig.wire.aborted and rig.finished[1].code == "upstream_cut" and resource.ended.check(ConnectionLost)
    assert len(rig.ticker) == 0


def test_total_holds_however_much_comes() -> None:
    resource = Later()
    rig = hanging(Timeout(5.0, 2.0, 1.0, 3.0), resource).send(get(b"/"))
    for _ in range(3):
        resource.request.write(b"some")
        rig.pass_time(0.9)
    assert not rig.wire.aborted
    resource.request.write(b"some")
    assert rig.pass_time(0.4).wire.aborted


def test_time_that_the_client_takes_is_not_the_resources() -> None:
    resource = Later()
    rig = hanging(Timeout(5.0, 2.0, 1.0, None), resource)
    rig.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n").pass_time(3)
    rig.send(b"h").pass_time(3).send(b"i").pass_time(1.8)
    assert rig.answers() == []
    resource.request.write(b"begun")
    rig.channel.pauseProducing()
    rig.pass_time(3)
    assert not rig.wire.ended
    rig.channel.resumeProducing()
    rig.pass_time(0.8)
    resource.request.finish()
    assert rig.statuses == [200] and len(rig.ticker) == 0


@implementer(IPullProducer)
class Clumsy:
    """Can't be stopped without harm: it ends the request first, and then fails."""

    def __init__(self, request: Any) -> None:
        self.request = request

    def resumeProducing(self) -> None:
        """Later."""

    pauseProducing = resumeProducing

    def stopProducing(self) -> None:
        self.request.unregisterProducer()
        self.request.finish()
        raise ValueError("as the test wants it")


def test_what_can_not_be_stopped_stops_no_others() -> None:
    resource = Later()
    rig = mounted(resource, access=Access(timeout=Timeout(5.0, 1.0, 1.0, None))).send(get(b"/"))
    resource.request.registerProducer(Clumsy(resource.request), True)
    rig.pass_time(1.2)
    assert rig.statuses == [504] and len(rig.ticker) == 0


def test_nothing_waits_once_it_is_answered() -> None:
    rig = mounted(Told()).send(get(b"/a"))
    assert len(rig.ticker) == 0
    assert len(mounted(Later()).send(get(b"/")).vanish().ticker) == 0


def test_times_over_http2() -> None:
    resource = Later()
    service = Service(resource="it", paths=(Path("/"),))
    framed = Framed(service=service, access=Access(timeout=Timeout(5.0, 2.0, 1.0, None)), resources={"it": resource})
    silent, begun = framed.ask(), framed.ask()
    resource.request.write(b"begun")
    framed.pass_time(2.2)
    assert (framed.answers[silent].status, framed.answers[silent].ended) == (504, True)
    answer = framed.answers[begun]
    assert (answer.status, answer.ended, answer.reset) == (200, False, 2) and not framed.gone
