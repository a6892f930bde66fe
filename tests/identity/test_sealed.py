"""gwt.identity.sealed: one look-up for what was seen, exp and keys at once, and floods that drive nobody out."""

from __future__ import annotations

import pytest
from identity.issuer import CLAIMS, KEY, NOW, OTHER, sealed

from gwt.identity import sealed as module
from gwt.identity.cookie import SessionCookie
from gwt.identity.keyring import Keyring
from gwt.identity.sealed import REFUSED_FOR, Sealed


class Counting(Keyring):
    """Counts what it is asked to open."""

    __slots__ = ("asked",)

    def open(self, cookie: bytes) -> dict[str, object]:
        self.asked = getattr(self, "asked", 0) + 1
        return super().open(cookie)


class Stage:
    """A Sealed with a clock to turn."""

    def __init__(self, *keys: bytes) -> None:
        self.now = NOW
        self.keyring = Counting(keys or (KEY,))
        self.keyring.asked = 0
        self.sealed = Sealed(self.keyring, SessionCookie("session"), lambda: self.now)

    def who(self, field: bytes | None) -> str | None:
        found = self.sealed.of(field)
        return None if found is None else found.sub


def field(cookie: bytes, more: bytes = b"") -> bytes:
    return b"session=" + cookie + more


def test_what_was_seen_is_not_opened_again() -> None:
    stage, cookie = Stage(), sealed()
    first = stage.sealed.of(field(cookie))
    assert first is not None and first.sub == "alice" and first.claims["exp"] == CLAIMS["exp"]
    assert stage.sealed.of(bytes(bytearray(field(cookie)))) is first
    assert stage.sealed.of(b"theme=dark; " + field(cookie, b"; x=1")) is first
    assert stage.keyring.asked == 1


@pytest.mark.parametrize("absent", [None, b"", b"a=1", b"sessions=1", b"a=session", b"session="])
def test_without_a_cookie_nobody_is_admitted(absent: bytes | None) -> None:
    assert Stage().who(absent) is None


def test_two_cookies_admit_nobody() -> None:
    stage, cookie = Stage(), sealed()
    assert stage.who(field(cookie)) == "alice"
    assert stage.who(field(cookie, b"; ") + field(cookie)) is None
    assert stage.who(field(cookie, b"; session")) is None


def test_exp_holds_to_the_moment_for_what_is_remembered() -> None:
    stage, asked = Stage(), field(sealed())
    assert stage.who(asked) == "alice"
    stage.now = NOW + 59.999
    assert stage.who(asked) == "alice"
    stage.now = NOW + 60
    assert stage.who(asked) is None and stage.who(asked + b"; x=1") is None
    assert Stage().who(field(sealed({"sub": "a", "exp": NOW}))) is None
    assert stage.keyring.asked == 1


def test_refusals_are_remembered_for_a_while() -> None:
    stage, forged = Stage(), field(sealed(key=OTHER))
    for _ in range(3):
        assert stage.who(forged) is None and stage.who(forged + b"; x=1") is None
    assert stage.keyring.asked == 1
    stage.now += REFUSED_FOR
    assert stage.who(forged) is None and stage.keyring.asked == 2


def test_a_removed_key_counts_at_once() -> None:
    asked = field(sealed())
    before = Stage(OTHER, KEY)
    assert before.who(asked) == "alice"
    assert Stage(OTHER).who(asked) is None


@pytest.mark.parametrize(
    "claims",
    [{}, {"sub": "a"}, {"exp": 2e9}, {"sub": "a", "exp": "2000000000"}, {"sub": "a", "exp": True},
     {"sub": 5, "exp": 2e9}, {"sub": "", "exp": 2e9}, {"sub": "a b", "exp": 2e9}, {"sub": "a" * 257, "exp": 2e9},
     {"sub": "a\r\nb", "exp": 2e9}, {"sub": ["a"], "exp": 2e9}, {"sub": "a", "exp": -1}, {"sub": "a", "exp": None}],
)  # fmt: skip
def test_claims_that_admit_nobody(claims: dict[str, object]) -> None:
    assert Stage().who(field(sealed(claims))) is None


def test_20_000_cookies_are_each_opened_once() -> None:
    stage = Stage()
    fields = [field(sealed({"sub": f"user-{number}", "exp": NOW + 60})) for number in range(20_000)]
    for _ in range(3):
        for number, one in enumerate(fields):
            assert stage.who(one) == f"user-{number}"
    assert stage.keyring.asked == 20_000


def test_a_flood_of_forged_cookies_drives_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFUSALS", (500, 1 << 20))
    stage, good = Stage(), field(sealed())
    assert stage.who(good) == "alice"
    for number in range(3000):
        assert stage.who(field(b"forged-%d" % number)) is None
    assert len(stage.sealed._refused) <= 500
    assert stage.who(good) == "alice" and stage.who(good + b"; x=2") == "alice"
    assert stage.keyring.asked == 3001


def test_one_cookie_in_a_million_fields_drives_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIELDS", (200, 1 << 20))
    stage, good, churning = Stage(), field(sealed()), sealed({"sub": "mallory", "exp": 2e9})
    assert stage.who(good) == "alice"
    for number in range(2000):
        assert stage.who(field(churning, b"; n=%d" % number)) == "mallory"
    assert len(stage.sealed._by_field) <= 200
    assert stage.who(good) == "alice" and stage.keyring.asked == 2
