"""forward-auth: what the service is asked, what follows from its answers, and from none."""

from __future__ import annotations

from typing import Any

import pytest
from edge.rig import Rig
from plugins.authrig import asked, rig, users
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gwt.asking import Answered, AskError
from gwt.phase.plugintype import Misfit, PluginType
from gwt.plugins.forward_auth import ForwardAuth

CONF = {"uri": "http://auth/", "upstream_headers": ["X-User-Id", "X-Role"], "client_headers": ["Location"]}


class Judge:
    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.answers: list[Deferred[Any]] = []

    def __call__(self, *question: Any) -> Deferred[Any]:
        self.asked.append(question)
        self.answers.append(Deferred())
        return self.answers[-1]

    def say(self, status: int, body: bytes = b"", **headers: bytes) -> None:
        told = {name.replace("_", "-").encode(): value for name, value in headers.items()}
        self.answers[-1].callback(Answered(status, told, body))

    def die(self) -> None:
        self.answers[-1].errback(Failure(AskError("gone")))


def judged(*fields: bytes, **conf: Any) -> tuple[Rig, Judge]:
    judge = Judge()
    return rig(ForwardAuth, {**CONF, **conf}, tools={"ask": judge}).send(asked(*fields)), judge


def test_what_it_is_asked_and_what_the_upstream_then_gets() -> None:
    visit, judge = judged(b"Authorization: t", b"X-Role: king", request_headers=["Authorization"], timeout=500)
    method, uri, headers, body, timeout = judge.asked[0]
    assert (method, uri, body, timeout) == ("GET", "http://auth/", None, 0.5)
    assert dict(headers) == {
        b"X-Forwarded-Proto": b"http", b"X-Forwarded-Method": b"GET", b"X-Forwarded-Host": b"a.example",
        b"X-Forwarded-Uri": b"/x?y=1", b"X-Forwarded-For": b"192.0.2.7", b"Authorization": b"t",
    }  # fmt: skip
    judge.say(200, x_user_id=b"alice", x_role=b"admin", x_other=b"o")
    assert visit.settle().statuses == [200] and users(visit) == [b"alice"]
    assert visit.seen[0].header(b"x-role") == b"admin" and visit.seen[0].header(b"x-other") is None


def test_a_client_can_not_say_what_it_has_not_said() -> None:
    visit, judge = judged(b"X-Role: king")
    judge.say(204)
    assert visit.settle().statuses == [200] and users(visit) == [None]
    assert visit.seen[0].header(b"x-role") is None


def test_who_is_turned_away_gets_its_answer() -> None:
    visit, judge = judged()
    judge.say(302, b"there", location=b"/login", set_cookie=b"a=1")
    (answer,) = visit.settle().answers()
    assert (answer.status, answer.body, answer.headers[b"location"]) == (302, b"there", b"/login")
    assert b"set-cookie" not in answer.headers and visit.seen == []


@pytest.mark.parametrize(
    ("conf", "status"), [({}, 403), ({"status_on_error": 503}, 503), ({"allow_degradation": True}, 200)]
)
def test_a_service_that_is_dead(conf: dict[str, Any], status: int) -> None:
    visit, judge = judged(b"X-Role: king", **conf)
    judge.die()
    assert visit.settle().statuses == [status]
    assert users(visit) == [None] * (status == 200) and not any(seen.header(b"x-role") for seen in visit.seen)


def test_the_body_goes_along() -> None:
    judge = Judge()
    visit = rig(ForwardAuth, {**CONF, "request_method": "POST"}, tools={"ask": judge})
    visit.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo", b"dy")
    assert judge.asked[0][0] == "POST" and judge.asked[0][3] == b"body"
    judge.say(200)
    assert visit.settle().seen[0].body == b"body"


def test_a_client_that_leaves_ends_the_question() -> None:
    visit, judge = judged()
    visit.vanish()
    assert judge.answers[0].called and visit.seen == []


@pytest.mark.parametrize("conf", [{}, {"uri": "a"}, {**CONF, "client_headers": ["Connection"]}, {**CONF, "timeout": 0}])
def test_what_makes_no_sense(conf: dict[str, Any]) -> None:
    with pytest.raises(Misfit):
        PluginType(ForwardAuth).make(conf)
