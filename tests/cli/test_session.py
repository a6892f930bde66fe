"""gwt.cli.session: seal and open with the keys of a gateway.yaml; nothing secret in what is said."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from pathlib import Path

import pytest
from identity.issuer import CLAIMS, KEY, OTHER, header, sealed

from gwt.cli import session
from gwt.cli.main import run
from gwt.identity.keyring import Keyring

Capture = pytest.CaptureFixture[str]
NOW = 1_800_000_000.25


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Time stands still, and there is no gateway.yaml here."""
    monkeypatch.setattr(session.time, "time", lambda: NOW)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def config(tmp_path: Path) -> str:
    keys = [b64encode(key).decode() for key in (OTHER, KEY)]
    (tmp_path / "mine.yaml").write_text(json.dumps({"identity": {"keys": keys}}))
    return str(tmp_path / "mine.yaml")


def said(capsys: Capture, *arguments: str, status: int = 0) -> tuple[str, str]:
    """Standard output and error of `gwt session ...`."""
    assert run(["session", *arguments]) == status
    captured = capsys.readouterr()
    for secret in (KEY, OTHER):
        assert secret.decode() not in captured.out + captured.err
        assert b64encode(secret).decode() not in captured.out + captured.err
    return captured.out, captured.err


@pytest.mark.parametrize(
    ("order", "exp"),
    [
        (["--config", "CONFIG", "seal", "CLAIMS", "--ttl", "60"], 1_800_000_061),
        (["seal", "CLAIMS", "-c", "CONFIG"], 1_800_003_601),
        (["seal", "--ttl=30m", "--config=CONFIG", "CLAIMS"], 1_800_001_801),
        (["seal", "-t500ms", "CLAIMS", "-cCONFIG"], 1_800_000_001),
    ],
)
def test_a_cookie_is_good_for_ttl(order: list[str], exp: int, config: str, capsys: Capture) -> None:
    words = [word.replace("CONFIG", config).replace("CLAIMS", '{"sub":"alice"}') for word in order]
    out, err = said(capsys, *words)
    assert Keyring([OTHER]).open(out.strip().encode()) == {"sub": "alice", "exp": exp} and err == ""


def test_exp_in_the_claims_wins(config: str, capsys: Capture) -> None:
    out, _ = said(capsys, "seal", "-c", config, '{"sub":"alice","exp":1900000000,"n":[1]}', "--ttl", "60")
    assert Keyring([OTHER]).open(out.strip().encode()) == {"sub": "alice", "exp": 1_900_000_000, "n": [1]}
    out, err = said(capsys, "seal", "-c", config, '{"sub":"alice","exp":5}')
    assert Keyring([OTHER]).open(out.strip().encode())["exp"] == 5 and "exp has passed" in err


def test_claims_come_back(config: str, capsys: Capture) -> None:
    for cookie in (sealed().decode(), "session=" + sealed().decode() + "\n"):
        out, err = said(capsys, "open", "-c", config, cookie)
        assert json.loads(out) == CLAIMS and err == ""


def test_dash_is_standard_input(config: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"sub":"alice"}\n'))
    cookie, _ = said(capsys, "seal", "-", "-c", config)
    monkeypatch.setattr("sys.stdin", io.StringIO(cookie))
    out, _ = said(capsys, "open", "-c", config, "-")
    assert json.loads(out)["sub"] == "alice"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ("{}", "sub is not a text"),
        ('{"sub":"a b"}', "sub is not a text"),
        ('{"sub":"a","sub":"b"}', "a key stands twice"),
        ('{"sub":"a","exp":"soon"}', "exp is not a number"),
        ("[]", "not a JSON object"),
        ("{'sub':'hunter2'}", "not JSON"),
        ("\udcff", "not JSON"),
        ('{"sub":"a","fill":"' + "x" * 4000 + '"}', "larger than 4096 bytes"),
    ],
)
def test_claims_that_can_not_be_sealed(claims: str, why: str, config: str, capsys: Capture) -> None:
    out, err = said(capsys, "seal", "-c", config, claims, status=1)
    assert out == "" and why in err and err.count("\n") == 1 and "hunter2" not in err


@pytest.mark.parametrize(
    ("cookie", "why"),
    [
        (sealed()[:-1], "no sealed cookie"),
        (sealed(head=header(kid="00000000")), "a key that is not here"),
        (sealed(key=b"x" * 32), "forged or damaged"),
        (b"hunter2", "no sealed cookie"),
        ("\udcff".encode("utf-8", "surrogateescape"), "no sealed cookie"),
    ],
)
def test_cookies_that_do_not_open(cookie: bytes, why: str, config: str, capsys: Capture) -> None:
    text = cookie.decode("utf-8", "surrogateescape")
    out, err = said(capsys, "open", "-c", config, text, status=1)
    assert out == "" and err.startswith("gwt: not admitted: ") and why in err and text not in err


def test_an_expired_cookie_is_shown_and_not_admitted(config: str, capsys: Capture) -> None:
    out, err = said(capsys, "open", "-c", config, sealed({"sub": "a", "exp": NOW}).decode(), status=1)
    assert json.loads(out)["sub"] == "a" and err == "gwt: not admitted: exp has passed\n"


def test_without_keys_it_says_what_to_do(tmp_path: Path, capsys: Capture) -> None:
    _, err = said(capsys, "seal", '{"sub":"a"}', status=1)
    assert "there is no ./gateway.yaml" in err and "openssl rand -base64 32" in err
    (tmp_path / "gateway.yaml").write_text("identity: {mode: exchange, exchange: {url: 'http://u/'}}")
    _, err = said(capsys, "open", "x", status=1)
    assert "identity.mode" in err and "gateway.yaml is exchange" in err


def test_a_wrong_key_is_not_repeated(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "gateway.yaml").write_text("identity:\n  keys:\n  - hunter2\n")
    _, err = said(capsys, "seal", '{"sub":"a"}', status=1)
    assert "gateway.yaml:3:5: error: a key of `identity.keys`" in err and "hunter2" not in err


@pytest.mark.parametrize(
    "words", [[], ["seal"], ["seal", "a", "b"], ["sael", "{}"], ["seal", "{}", "--ttl", "x"], ["open", "x", "--nope"]]
)
def test_misuse(words: list[str], capsys: Capture) -> None:
    _, err = said(capsys, *words, status=2)
    assert err.count("\n") == 1 and "gwt session --help" in err
