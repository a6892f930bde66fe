"""The certificates of a process: files and documents together, endpoints of their own, reloads that go back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from certificates import Authority, Pair
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from gwt.keychains import Keychains, TlsError, objections, own_certificate
from gwt.model.certificate import read_certificate
from gwt.model.options import CertificateFiles, ClientAuthFiles, Tls, UpstreamTls
from gwt.model.route import ServiceTls
from gwt.secure.endpoint import TlsEndpoint

CA = Authority()
FILES = (CertificateFiles("a.crt", "a.key"),)
LISTED = Tls(certificates=FILES)


def at_once(function: Any) -> Deferred[Any]:
    return succeed(function())


def made(base: Path, tls: Tls = LISTED) -> Keychains:
    return Keychains(tls, base, [b"http/1.1"], b"secret", lambda: 0.0)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    CA.pair("a.x").write(tmp_path, "a")
    return tmp_path


def value(pair: Pair, **more: Any) -> Any:
    return read_certificate(pair.cert, pair.key, **more)


def test_files_come_before_documents(base: Path) -> None:
    keychains = made(base)
    calls: list[bool] = []
    keychains.changed = lambda: calls.append(keychains.demanding)
    stored = {"a": value(CA.pair("a.x")), "b": value(CA.pair("b.x"))}
    keychains.follow(stored)
    keychains.follow(stored)
    assert list(keychains.certificates) == ["a.crt", "a", "b"]
    assert calls == [False]
    keychains.tick()


def test_files_are_looked_at_beside_the_traffic(base: Path) -> None:
    keychains, waiting = made(base), []
    first = keychains.certificates["a.crt"]

    def later(function: Any) -> Deferred[Any]:
        waiting.append((Deferred(), function))
        return waiting[-1][0]

    CA.pair("a.x").write(base, "a")
    keychains.look(later)
    keychains.look(later)
    [(deferred, function)] = waiting
    deferred.callback(function())
    assert keychains.certificates["a.crt"] != first
    keychains.look(at_once)
    made(base, Tls()).look(lambda function: pytest.fail("there is nothing to look at"))


def test_an_endpoint_may_have_a_certificate_of_its_own(base: Path) -> None:
    CA.pair("own.x").write(base, "own")
    keychains = made(base)
    own, shared = TlsEndpoint(1, cert=str(base / "own.crt"), key=str(base / "own.key")), TlsEndpoint(2)
    secured = [keychains.secured(endpoint, None) for endpoint in (own, own, shared)]
    assert secured[0].keychain is secured[1].keychain
    assert secured[2].keychain is keychains.main is not secured[0].keychain
    keychains.follow({"b": value(CA.pair("b.x"))})
    assert list(secured[0].keychain.certificates) == [str(base / "own.crt")]
    own_certificate(own)
    with pytest.raises(TlsError, match=r"none\.crt: can't be read"):
        keychains.secured(TlsEndpoint(1, cert="none.crt", key="none.key"), None)
    with pytest.raises(ValueError, match=r"none\.crt: can't be read"):
        own_certificate(TlsEndpoint(1, cert="none.crt", key="none.key"))


def test_a_reload_is_put_in_force_or_leaves_all_as_it_was(base: Path) -> None:
    CA.pair("c.x").write(base, "c")
    keychains = made(base)
    secured = keychains.secured(TlsEndpoint(1), None)
    before = secured.keychain
    back = keychains.reconfigure(Tls(directory=".", handshake_timeout=3.0, min_version="1.3"), base)
    assert len(secured.keychain.certificates) == 2
    assert (secured.timeout, secured.keychain is before) == (3.0, False)
    back()
    assert (secured.keychain, secured.timeout) == (before, 10.0)
    for wrong in (
        Tls(client_auth=ClientAuthFiles("require", "none.pem")),
        Tls(upstream=UpstreamTls(ca="none.pem")),
        Tls(upstream=UpstreamTls(cert="none.crt", key="none.key")),
    ):
        with pytest.raises(TlsError, match="none"):
            keychains.reconfigure(wrong, base)
        assert secured.keychain is keychains.main is before


def test_what_is_broken_keeps_its_last_good_version_over_a_reload(base: Path) -> None:
    for directory, certificate in (("broken", "x"), ("expired", CA.pair("a.x", days=-1).cert)):
        (base / directory).mkdir()
        pair = CA.pair("a.x")
        pair.write(base / directory, "a")
        keychains = Keychains(Tls(directory=directory), base, [], b"", time.time)
        good = keychains.certificates
        (base / directory / "a.crt").write_text(certificate)
        if directory == "expired":
            CA.pair("a.x", days=-1).write(base / directory, "a")
        keychains.reconfigure(Tls(directory=directory), base)
        assert keychains.certificates == good
        assert all("stays in force" in reason for reason in keychains.problems.values())
        assert keychains.problems


def test_what_upstreams_are_shown_follows_its_files(base: Path) -> None:
    (base / "ca.pem").write_text(CA.pem)
    keychains = made(base, Tls(upstream=UpstreamTls(ca="ca.pem", cert="a.crt", key="a.key")))
    first = keychains.outward.get(ServiceTls())
    keychains.look(at_once)
    assert keychains.outward.get(ServiceTls()) is first
    CA.pair("a.x").write(base, "a")
    keychains.look(at_once)
    assert keychains.outward.get(ServiceTls()) is not first


def test_a_start_objects_to_what_is_listed_and_cannot_be_used(base: Path) -> None:
    assert objections(Tls(certificates=FILES), base) == []
    (base / "a.key").write_text("x")
    found = objections(Tls(certificates=FILES, client_auth=ClientAuthFiles("require", "none.pem")), base)
    assert [one.path for one in found] == [("tls", "certificates", 0), ("tls", "client_auth")]
    assert found[0].message.startswith("tls.certificates: a.crt: there is no private key")
    assert found[1].message.startswith("tls.client_auth: ")
    assert "none.pem" in found[1].message


def test_what_openssl_does_not_take_is_told_once(base: Path) -> None:
    keychains, told = made(base), []
    weak = replace(keychains.certificates["a.crt"], chain="nothing")
    with listening(told):
        for _ in range(2):
            keychains.main.refused(weak, ValueError("too weak"))
    assert told == ["the certificate for a.x can't be served: too weak"]


@contextmanager
def listening(told: list[str | None]) -> Iterator[None]:
    def listen(event: Any) -> None:
        told.append(formatEvent(event))

    globalLogPublisher.addObserver(listen)
    try:
        yield
    finally:
        globalLogPublisher.removeObserver(listen)


class TellingTests(SynchronousTestCase):
    """What is told in the log."""

    def test_a_look_that_fails_is_told_and_the_next_one_is_made(self) -> None:
        held = TemporaryDirectory()
        self.addCleanup(held.cleanup)
        base = Path(held.name)
        CA.pair("a.x").write(base, "a")
        keychains = made(base)
        keychains.look(lambda function: fail(RuntimeError("no thread")))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        (base / "a.key").write_text("x")
        keychains.look(at_once)
        self.assertEqual(list(keychains.problems), ["a.crt"])
