"""basic-auth: passwords verified aside, once; what is remembered; what is shown."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import bcrypt
import pytest
from plugins.authrig import asked, rig, users
from twisted.internet.defer import Deferred

from gwt.phase.plugintype import Misfit, PluginType
from gwt.plugins import basic_auth
from gwt.plugins.basic_auth import BasicAuth

HASH = bcrypt.hashpw(b"pass:word", bcrypt.gensalt(4)).decode()
OTHER = bcrypt.hashpw(b"other", bcrypt.gensalt(4)).decode()
CONF = {"users": {"alice": HASH}}


def basic(pair: bytes, scheme: bytes = b"Basic") -> bytes:
    return asked(b"Authorization: %b %b" % (scheme, b64encode(pair)))


class Aside:
    """Works when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Deferred[Any], Callable[[], Any]]] = []

    def __call__(self, function: Any, *arguments: Any) -> Deferred[Any]:
        self.waiting.append((Deferred(), lambda: function(*arguments)))
        return self.waiting[-1][0]

    def work(self) -> None:
        later, call = self.waiting.pop(0)
        later.callback(call())


def test_who_knows_the_password_is_let_in() -> None:
    visit = rig(BasicAuth, CONF).send(basic(b"alice:pass:word"), basic(b"alice:pass:word", b"bAsIc"))
    assert visit.statuses == [200, 200] and users(visit) == [b"alice", b"alice"]


@pytest.mark.parametrize("pair", [b"alice:wrong", b"bob:pass:word", b"alice", b"alice:", b":", b"alice:pass:word "])
def test_nobody_else_is(pair: bytes) -> None:
    visit = rig(BasicAuth, CONF).send(basic(pair))
    (answer,) = visit.answers()
    assert answer.status == 401 and answer.headers[b"www-authenticate"].startswith(b"Basic ") and visit.seen == []


@pytest.mark.parametrize("field", [b"Authorization: Basic !!!", b"Authorization: Bearer x", b"Authorization: Basic"])
def test_what_is_no_pair(field: bytes) -> None:
    assert rig(BasicAuth, CONF).send(asked(field)).statuses == [401]


def test_equal_questions_are_one_work_and_what_was_right_is_remembered() -> None:
    aside = Aside()
    visit = rig(BasicAuth, CONF, tools={"aside": aside}).send(basic(b"alice:pass:word"))
    first = visit.wire
    visit.connect()
    visit.send(basic(b"alice:pass:word"))
    assert len(aside.waiting) == 1 and visit.seen == []
    aside.work()
    visit.settle()
    assert first.written.startswith(b"HTTP/1.1 200") and visit.statuses == [200]
    assert visit.send(basic(b"alice:pass:word")).statuses == [200, 200] and aside.waiting == []


def test_another_hash_forgets_the_old_password() -> None:
    visit = rig(BasicAuth, CONF).send(basic(b"alice:pass:word"))
    visit.configure(plugins={"basic-auth": {"users": {"alice": OTHER}}})
    assert visit.send(basic(b"alice:pass:word"), basic(b"alice:other")).statuses == [200, 401, 200]


def test_too_many_at_once_are_refused_not_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basic_auth, "MAX_WAITING", 1)
    visit = rig(BasicAuth, CONF, tools={"aside": Aside()}).send(basic(b"alice:one"))
    visit.connect()
    assert visit.send(basic(b"alice:two")).statuses == [503] and visit.seen == []


def test_consumers_and_hidden_credentials() -> None:
    visit = rig(BasicAuth, {"hide_credentials": True}).send(basic(b"bob:other"))
    visit.put(consumers={"bob": {"basic-auth": {"hash": OTHER}}, "eve": {"basic-auth": {"hash": "plain"}}})
    visit.send(basic(b"bob:other"), basic(b"eve:plain"))
    assert visit.statuses == [401, 200, 401] and users(visit) == [b"bob"]
    assert visit.seen[0].header(b"authorization") is None


@pytest.mark.parametrize("conf", [{"alice": "secret-plain"}, {"a:b": HASH}, {"a b": HASH}])
def test_what_makes_no_sense_is_not_repeated(conf: dict[str, str]) -> None:
    with pytest.raises(Misfit) as raised:
        PluginType(BasicAuth).make({"users": conf})
    assert "secret-plain" not in str(raised.value) and HASH not in str(raised.value)
    assert HASH not in repr(PluginType(BasicAuth).make(CONF))
