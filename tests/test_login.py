"""Login on paths: who is let in, who is turned away and how, what an upstream is told, and what it is not."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from edge.rig import Rig
from hypothesis import given, settings
from hypothesis import strategies as st
from identity.issuer import KEY, OTHER, header, sealed
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gwt.compile import compile_now
from gwt.delta import Delta
from gwt.login import Login, login_of, nobody
from gwt.model.options import Exchange, Identity
from gwt.model.route import Access, Path
from gwt.model.secret import Secret

LATER = time.time() + 24 * 3600
ALICE = {"sub": "alice", "exp": LATER, "role": "admin"}
COOKIE = sealed(ALICE)
KEYS = (Secret(base64.b64encode(KEY).decode()),)
SEALED = Identity(keys=KEYS)
LOGIN = Access(auth_type="login")


def rig(access: Access = LOGIN, identity: Identity = SEALED, **more: Any) -> Rig:
    return Rig(access=access, login=login_of(identity, nobody), **more)


def asked(cookie: bytes | None = None, more: bytes = b"", path: bytes = b"/") -> bytes:
    jar = b"" if cookie is None else b"Cookie: a=1; session=%b\r\n" % cookie
    return b"GET %b HTTP/1.1\r\nHost: a.example\r\n%b%b\r\n" % (path, jar, more)


def test_who_is_known_is_let_in_and_told_to_the_upstream() -> None:
    visit = rig().send(asked(COOKIE), asked(COOKIE))
    assert visit.statuses == [200, 200]
    for seen in visit.seen:
        assert seen.header(b"x-user-id") == b"alice" and b"session=" in (seen.header(b"cookie") or b"")
        assert json.loads(base64.urlsafe_b64decode(seen.header(b"x-user-info") or b"")) == ALICE
    assert visit.finished[0].user == "alice"


def test_nobody_else_is() -> None:
    visit = rig().send(asked())
    (answer,) = visit.answers()
    assert (answer.status, json.loads(answer.body)["code"]) == (401, "login")
    assert answer.headers[b"www-authenticate"] == b'Cookie realm="gwt", cookie-name="session"'
    assert visit.seen == [] and visit.finished[0].code == "login"


FORGED = {
    "another key": sealed(ALICE, key=OTHER),
    "another key, by name": sealed(ALICE, header(kid="00000000"), key=OTHER),
    "expired": sealed({"sub": "alice", "exp": time.time() - 1}),
    "no end": sealed({"sub": "alice"}),
    "zip": sealed(ALICE, header(zip="DEF")),
    "crit": sealed(ALICE, header(crit=["exp"])),
    "another algorithm": sealed(ALICE, header(alg="A256KW")),
    "cut": COOKIE[:-1],
    "twice": COOKIE + b"; session=" + COOKIE,
}


@pytest.mark.parametrize("what", FORGED)
@pytest.mark.parametrize("after_a_good_one", [False, True])
def test_forged_cookies_never_pass(what: str, after_a_good_one: bool) -> None:
    visit = rig()
    if after_a_good_one:
        visit.send(asked(COOKIE))
    visit.seen.clear()
    assert visit.send(asked(FORGED[what])).statuses[-1] == 401 and visit.seen == []


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(COOKIE) - 1), st.integers(0x21, 0x7E).filter(lambda byte: byte not in b";"))
def test_no_changed_byte_passes(at: int, byte: int) -> None:
    forged = COOKIE[:at] + bytes([byte]) + COOKIE[at + 1 :]
    visit = rig().send(asked(COOKIE), asked(forged))
    assert visit.statuses[1] == (200 if forged == COOKIE else 401)


SPOOFED = b"X-User-Id: mallory\r\nx_user_id: mallory\r\nX-User-Info: mallory\r\nConnection: X-User-Id\r\n"


@pytest.mark.parametrize(("kind", "cookie"), [("login", COOKIE), ("optional", COOKIE), ("optional", None)])
def test_what_a_client_says_of_itself_never_arrives(kind: str, cookie: bytes | None) -> None:
    (seen,) = rig(Access(auth_type=kind)).send(asked(cookie, SPOOFED)).seen
    assert b"mallory" not in b"".join(value for _, value in seen.headers)
    assert seen.header(b"x-user-id") == (b"alice" if cookie else None)


def test_optional_lets_all_in_and_names_who_is_known() -> None:
    visit = rig(Access(auth_type="optional")).send(asked(), asked(COOKIE), asked(FORGED["another key"]))
    assert visit.statuses == [200, 200, 200]
    assert [seen.header(b"x-user-id") for seen in visit.seen] == [None, b"alice", None]


def test_claims_are_required() -> None:
    def statuses(**require: Any) -> list[int]:
        access = Access(auth_type="optional", require=require)
        return rig(access).send(asked(COOKIE), asked()).statuses

    assert statuses(role=("admin", "support")) == [200, 403]
    assert statuses(role=("support",)) == [403, 403]
    visit = rig(Access(auth_type="login", require={"role": ("support",)})).send(asked(COOKIE))
    assert json.loads(visit.answers()[0].body)["code"] == "require" and visit.seen == []


def test_browsers_are_sent_to_log_in() -> None:
    visit = rig(identity=replace(SEALED, login_url="https://login.example/in"))
    visit.send(asked(None, b"Accept: text/html\r\n", b"/x?y=1"), asked(None, b"Accept: */*\r\n"))
    first, second = visit.answers()
    assert (first.status, second.status) == (302, 401)
    assert first.headers[b"location"] == b"https://login.example/in?next=http%3A%2F%2Fa.example%2Fx%3Fy%3D1"
    assert first.headers[b"cache-control"] == b"no-store" and visit.finished[0].code == "login"


def test_callers_of_grpc_are_told_in_their_way() -> None:
    visit = rig(identity=replace(SEALED, login_url="/in"))
    visit.send(asked(None, b"Accept: text/html\r\nContent-Type: application/grpc\r\n"))
    (answer,) = visit.answers()
    assert (answer.status, answer.headers[b"grpc-status"]) == (200, b"16")


@pytest.mark.parametrize("kind", ["public", "optional", "login"])
def test_the_session_cookie_is_kept_from_upstreams(kind: str) -> None:
    visit = rig(Access(auth_type=kind), replace(SEALED, strip_cookie=True)).send(asked(COOKIE), asked(COOKIE))
    assert [seen.header(b"cookie") for seen in visit.seen] == [b"a=1", b"a=1"]


class Asked:
    """A user system that answers when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[Mapping[str, Any] | None]] = []
        exchange = Exchange("http://user.internal/")
        self.login = login_of(Identity(mode="exchange", exchange=exchange), self)

    def __call__(self, cookie: bytes) -> Deferred[Mapping[str, Any] | None]:
        self.waiting.append(Deferred())
        return self.waiting[-1]


def test_who_must_be_asked_for_waits_and_then_no_more() -> None:
    system = Asked()
    visit = Rig(access=LOGIN, login=system.login).send(asked(b"s1", SPOOFED))
    assert visit.seen == [] and visit.statuses == []
    system.waiting[0].callback({"sub": "bob"})
    visit.settle().send(asked(b"s1", SPOOFED))
    assert [seen.header(b"x-user-id") for seen in visit.seen] == [b"bob", b"bob"] and len(system.waiting) == 1


def test_who_is_not_known_to_it_is_turned_away() -> None:
    system = Asked()
    visit = Rig(access=LOGIN, login=system.login).send(asked(b"s1"))
    system.waiting[0].callback(None)
    assert visit.settle().statuses == [401] and visit.seen == []


@pytest.mark.parametrize("kind", ["login", "optional"])
def test_a_user_system_that_fails(kind: str) -> None:
    system = Asked()
    visit = Rig(access=Access(auth_type=kind), login=system.login).send(asked(b"s1"))
    system.waiting[0].errback(Failure(OSError("gone")))
    (answer,) = visit.settle().answers()
    assert (answer.status, json.loads(answer.body)["code"]) == (503, "identity") and visit.seen == []


def test_a_client_that_leaves_meanwhile_harms_nobody() -> None:
    system = Asked()
    visit = Rig(access=LOGIN, login=system.login).send(asked(b"s1")).vanish()
    system.waiting[0].callback({"sub": "bob"})
    visit.connect()
    assert visit.send(asked(b"s1")).statuses == [200]


def test_another_identity_makes_all_leaves_anew_and_a_removed_key_counts_at_once() -> None:
    visit = rig().send(asked(COOKIE))
    surroundings = replace(visit.surroundings, login=login_of(Identity(keys=()), nobody))
    visit.current.swap(compile_now(visit.current.snapshot, Delta(2), surroundings))
    assert visit.send(asked(COOKIE)).statuses == [200, 401]


def test_leaves_with_the_same_policy_share_their_chain() -> None:
    paths = [Path(f"/{number}", access=Access(auth_type="login", ip_deny=("10.0.0.0/8",))) for number in range(9)]
    visit = Rig(paths=paths, login=login_of(SEALED, nobody))
    chains = {entry.target.chain for _, entry in visit.current.snapshot.router.entries()}
    assert [[member.name for member in chain.members] for chain in chains] == [["ip", "login"]]


def test_the_login_shows_no_keys() -> None:
    login: Any = login_of(SEALED, nobody)
    assert isinstance(login, Login) and KEYS[0].reveal() not in repr(login)
