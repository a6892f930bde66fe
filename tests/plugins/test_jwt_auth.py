"""jwt-auth: which tokens are admitted, by keys of every kind, and none that was made otherwise."""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from edge.rig import Rig
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey
from plugins.authrig import asked, rig, users
from twisted.internet.defer import Deferred

from gwt.asking import Answered
from gwt.model.route import Path, PluginUse
from gwt.phase.plugintype import Misfit, PluginType
from gwt.plugins.jwt_auth import JwtAuth

SECRET = "s" * 32
HMAC, RSA, EC = OctKey.import_key(SECRET), RSAKey.generate_key(2048, {"kid": "r1"}), ECKey.generate_key("P-256")
PEM = RSA.as_pem(private=False).decode()
SHARED = {"algorithms": ["HS256"], "secret": SECRET}
CLAIMS = {"sub": "alice", "exp": time.time() + 24 * 3600, "iss": "me", "aud": ["you", "they"]}


def token(claims: Any = CLAIMS, key: Any = HMAC, alg: str = "HS256", **head: Any) -> bytes:
    return jws.serialize_compact({"alg": alg, **head}, json.dumps(claims), key, algorithms=[alg]).encode()


def bearer(text: bytes) -> bytes:
    return asked(b"Authorization: Bearer " + text)


@pytest.mark.parametrize(
    ("conf", "key"),
    [
        (SHARED, HMAC),
        ({"algorithms": ["RS256"], "public_key": PEM}, RSA),
        ({"algorithms": ["ES256"], "public_key": EC.as_pem(private=False).decode()}, EC),
        ({**SHARED, "issuer": "me", "audience": "you"}, HMAC),
    ],
)
def test_who_has_a_good_token_is_its_subject(conf: dict[str, Any], key: Any) -> None:
    visit = rig(JwtAuth, conf).send(bearer(token(key=key, alg=conf["algorithms"][0])), asked())
    assert visit.statuses == [200, 401] and users(visit) == [b"alice"]
    assert visit.answers()[1].headers[b"www-authenticate"] == b'Bearer realm="gwt"'


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("secret", ["k", "short", "s" * 31])
def test_a_short_secret_will_do(secret: str, alg: str) -> None:
    # by RFC 7515 alone: joserfc warns of such a key
    said = b".".join(_url(json.dumps(one).encode()) for one in ({"alg": alg}, CLAIMS))
    good = said + b"." + _url(hmac.digest(secret.encode(), said, "sha" + alg[2:]))
    other = said + b"." + _url(hmac.digest(b"x", said, "sha" + alg[2:]))
    visit = rig(JwtAuth, {"algorithms": [alg], "secret": secret}).send(bearer(good), bearer(other))
    assert visit.statuses == [200, 401] and users(visit) == [b"alice"]


@pytest.mark.parametrize(
    ("algorithms", "length", "wanted"),
    [(["HS256"], 31, 32), (["HS256", "HS512"], 63, 64), (["HS384"], 47, 48), (["HS256"], 32, 0), (["HS512"], 64, 0)],
)
def test_that_a_secret_is_short_is_told_once_with_its_place(algorithms: list[str], length: int, wanted: int) -> None:
    secret = "s" * length
    use = PluginUse("jwt-auth", {"algorithms": algorithms, "secret": secret}, 7, {("secret",): 9})
    visit = Rig(kinds=[JwtAuth], paths=[Path("/a", plugins=(use,)), Path("/b")])
    told = list(visit.current.snapshot.problems())
    assert [(one.line, one.severity) for one in told] == ([(9, "warning")] if wanted else [])
    assert all(f"secret: {algorithms[-1]} calls for {wanted} bytes" in one.message for one in told)
    assert not any(secret in one.message for one in told)


def _url(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in CLAIMS.items() if key != name}


BAD = {
    "another secret": token(key=OctKey.import_key("x" * 32)),
    "another algorithm": token(alg="HS512", key=OctKey.import_key("s" * 64)),
    "expired": token({**CLAIMS, "exp": time.time() - 1}),
    "not yet": token({**CLAIMS, "nbf": time.time() + 86400}),
    "begins at no time": token({**CLAIMS, "nbf": "now"}),
    "ends at no time": token({**CLAIMS, "exp": "never"}),
    "nobody": token(without("sub")),
    "another issuer": token({**CLAIMS, "iss": "they"}),
    "for others": token({**CLAIMS, "aud": "others"}),
    "for nobody": token(without("aud")),
    "two subjects": jws.serialize_compact({"alg": "HS256"}, b'{"sub":"alice","sub":"bob"}', HMAC).encode(),
    "none": b"eyJhbGciOiJub25lIn0." + token().split(b".")[1] + b".x",
    "no signature": token().rpartition(b".")[0] + b".",
    "no token": b"x",
}


@pytest.mark.parametrize("what", BAD)
def test_no_other_token_is_admitted(what: str) -> None:
    visit = rig(JwtAuth, {**SHARED, "issuer": "me", "audience": "you"}).send(bearer(BAD[what]))
    assert visit.statuses == [401] and visit.seen == []


def test_a_public_key_is_no_secret() -> None:
    said = b".".join(urlsafe_b64encode(one).rstrip(b"=") for one in (b'{"alg":"HS256"}', json.dumps(CLAIMS).encode()))
    forged = said + b"." + urlsafe_b64encode(hmac.digest(PEM.encode(), said, "sha256")).rstrip(b"=")
    assert rig(JwtAuth, {"algorithms": ["RS256"], "public_key": PEM}).send(bearer(forged)).statuses == [401]


GOOD = token()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(0x21, 0x7E))
def test_no_changed_byte_passes(at: int, byte: int) -> None:
    visit = rig(JwtAuth, SHARED).send(bearer(GOOD[:at] + bytes([byte]) + GOOD[at + 1 :]))
    # The last character of a signature has bits that mean nothing: another one may say the same.
    assert visit.statuses == [401] or GOOD[at] == byte or at == len(GOOD) - 1


class Issuer:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[Deferred[Any]] = []

    def __call__(self, method: str, url: str, headers: Any) -> Deferred[Any]:
        self.asked.append(Deferred())
        return self.asked[-1]

    def say(self, *keys: Any, status: int = 200) -> None:
        told = json.dumps({"keys": [key.as_dict(private=False) for key in keys]})
        self.asked[-1].callback(Answered(status, {}, told.encode()))


def test_keys_are_fetched_once_and_again_when_they_turn() -> None:
    issuer = Issuer()
    visit = rig(JwtAuth, {"algorithms": ["RS256"], "jwks_uri": "http://issuer/keys"}, tools={"ask": issuer})
    visit.send(bearer(token(key=RSA, alg="RS256", kid="r1")))
    assert len(issuer.asked) == 1 and visit.seen == []
    issuer.say(RSA)
    visit.settle().send(bearer(token(key=RSA, alg="RS256", kid="r1")))
    assert visit.statuses == [200, 200] and len(issuer.asked) == 1
    turned = RSAKey.generate_key(2048, {"kid": "r2"})
    visit.now += 11
    visit.send(bearer(token(key=turned, alg="RS256", kid="r2")))
    issuer.say(turned)
    visit.settle()
    assert visit.statuses == [200, 200, 200] and len(issuer.asked) == 2
    visit.send(bearer(token(key=RSA, alg="RS256", kid="r1")))
    assert visit.statuses[3] == 401 and len(issuer.asked) == 2


def test_an_issuer_that_fails() -> None:
    issuer = Issuer()
    visit = rig(JwtAuth, {"algorithms": ["RS256"], "jwks_uri": "http://issuer/keys"}, tools={"ask": issuer})
    visit.send(bearer(token(key=RSA, alg="RS256", kid="r1")))
    issuer.say(status=500)
    visit.settle().send(bearer(token(key=RSA, alg="RS256", kid="r1")))
    assert visit.statuses == [503, 503] and len(issuer.asked) == 1 and visit.seen == []


@pytest.mark.parametrize(
    "conf",
    [
        {"algorithms": ["HS256"]},
        {"algorithms": ["HS256"], "secret": ""},
        {"algorithms": ["HS256"], "secret": PEM},
        {"algorithms": ["RS256"], "secret": SECRET},
        {"algorithms": ["HS256"], "public_key": PEM},
        {"algorithms": ["none"], "secret": SECRET},
        {"algorithms": [], "secret": SECRET},
        {**SHARED, "public_key": PEM},
        {"algorithms": ["RS256"], "public_key": "no key"},
    ],
)
def test_what_makes_no_sense(conf: dict[str, Any]) -> None:
    with pytest.raises(Misfit) as raised:
        PluginType(JwtAuth).make(conf)
    assert SECRET not in str(raised.value) and SECRET not in repr(PluginType(JwtAuth).make(SHARED))
