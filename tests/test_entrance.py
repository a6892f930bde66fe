"""The entrance: remade only where `identity:` changed, so that what is known stays known."""

from __future__ import annotations

from twisted.internet.testing import MemoryReactorClock

from gwt.entrance import Entrance
from gwt.model.options import Exchange, Identity

ASKS = Identity(mode="exchange", exchange=Exchange("http://user.internal/"))


def test_the_same_settings_are_the_same_entrance() -> None:
    entrance = Entrance(MemoryReactorClock(), ASKS)
    assert entrance.following(Identity(mode="exchange", exchange=Exchange("http://user.internal/"))) is entrance
    other = entrance.following(Identity())
    assert other is not entrance and other.login is not entrance.login
    entrance.close()
    other.close()


def test_a_question_goes_to_the_user_system() -> None:
    reactor = MemoryReactorClock()
    asks = Identity(mode="exchange", exchange=Exchange("http://127.0.0.1:8001/"))
    access = Entrance(reactor, asks).login.members["login"].methods["access"]
    head = type("Head", (), {"cookie": b"session=s1"})
    said = access(type("Ctx", (), {"head": head}))
    said.addErrback(lambda failure: None)
    assert reactor.tcpClients[0][:2] == ("127.0.0.1", 8001)
    said.cancel()
