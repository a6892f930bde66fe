"""The Api against a real server over sockets: answers, watches, silence, tokens, TLS."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kube.apiserver import ApiServer, service
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from gwt.controller.api import Api, ApiError
from gwt.kube.config import Cluster
from gwt.kube.resource import SERVICES


def pem() -> tuple[bytes, bytes]:
    """A certificate for 127.0.0.1, signed by itself, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "api")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = builder.add_extension(address, False).sign(key, hashes.SHA256())
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return (
        signed.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, pkcs8, plain),
    )


class Asking(TestCase):
    def setUp(self) -> None:
        self.server = ApiServer()
        self.server.start()
        self.addCleanup(deferToThread, self.server.stop)
        self.files: dict[str, bytes] = {}

    def api(self, idle: float = 100.0, **more: Any) -> Api:
        api = Api(reactor, Cluster(**{"server": self.server.url, **more}), self.files.__getitem__, idle)
        self.addCleanup(api.close)
        return api

    async def watched(self, api: Api, rev: str, enough: int) -> tuple[list[Any], Any]:
        lines: list[Any] = []

        def heard(line: bytes) -> bool:
            lines.append(json.loads(line))
            return len(lines) < enough

        return lines, await api.follow(SERVICES.watch(rev, 60), heard)

    async def check_answers(self) -> None:
        self.server.put("services", service("n/s"))
        answer = await self.api().ask("GET", SERVICES.list_page(""))
        self.assertEqual((answer.status, len(json.loads(answer.body)["items"])), (200, 1))
        self.server.fail("/services", 429, Retry_After="7")
        answer = await self.api().ask("GET", SERVICES.list_page(""))
        self.assertEqual((answer.status, answer.retry_after), (429, 7.0))

    def test_answers(self) -> Any:
        return ensureDeferred(self.check_answers())

    async def check_watch(self) -> None:
        for number in range(200):
            self.server.put("services", service(f"n/s{number}"))
        lines, ending = await self.watched(self.api(), "100", 200)
        self.assertEqual(([one["object"]["metadata"]["name"] for one in lines][-1], ending.how), ("s199", "left"))
        self.server.token = "x"
        _, ending = await self.watched(self.api(), "100", 1)
        self.assertEqual((ending.how, ending.answer.status), ("refused", 401))

    def test_a_watch(self) -> Any:
        return ensureDeferred(self.check_watch())

    async def check_ends(self) -> None:
        self.server.put("services", service("n/s"))

        def heard(line: bytes) -> bool:
            self.server.cut()
            return True

        ending = await self.api().follow(SERVICES.watch("100", 60), heard)
        self.assertEqual(ending.how, "broken")
        _, ending = await self.watched(self.api(idle=0.2), "100", 2)
        self.assertEqual(ending.how, "silent")

    def test_a_watch_that_breaks_or_says_nothing(self) -> Any:
        return ensureDeferred(self.check_ends())

    async def check_bad_line(self) -> None:
        self.server.put("services", service("n/s"))

        def heard(line: bytes) -> bool:
            raise ValueError("no")

        with self.assertRaises(ValueError):
            await self.api().follow(SERVICES.watch("100", 60), heard)

    def test_whoever_can_not_read_a_line_says_so(self) -> Any:
        return ensureDeferred(self.check_bad_line())

    async def check_cancelled(self) -> None:
        following = self.api().follow(SERVICES.watch("100", 60), lambda line: True)
        reactor.callLater(0.1, following.cancel)  # type: ignore[attr-defined]
        with self.assertRaises(Exception):  # noqa: B017
            await following

    def test_a_watch_can_be_broken_off(self) -> Any:
        return ensureDeferred(self.check_cancelled())

    async def check_nobody(self) -> None:
        api = self.api(server="http://127.0.0.1:1")
        with self.assertRaisesRegex(ApiError, "can't be asked: Connection was refused"):
            await api.ask("GET", "/api/v1/services")
        self.server.silent = True
        with self.assertRaisesRegex(ApiError, "no answer within 0.1 s"):
            await self.api().ask("GET", "/api/v1/services", timeout=0.1)

    def test_nobody_there_or_nobody_who_answers(self) -> Any:
        return ensureDeferred(self.check_nobody())

    async def check_token(self) -> None:
        self.server.token, self.files["token"] = "new", b"old\n"
        api = self.api(token_file="token")
        self.assertEqual((await api.ask("GET", "/api/v1/services")).status, 401)
        self.files["token"] = b"new\n"
        self.assertEqual((await api.ask("GET", "/api/v1/services")).status, 200)
        self.server.token, self.files["token"] = "newer", b"newer\n"
        ending = await api.follow(SERVICES.watch("100", 60), lambda line: True)
        assert ending.answer is not None
        self.assertEqual(ending.answer.status, 401)
        self.files["token"] = b"unread\n"
        self.assertEqual((await api.ask("GET", "/api/v1/services")).status, 401)
        self.files["token"] = b"newer\n"
        self.assertEqual((await api.ask("GET", "/api/v1/services")).status, 200)
        self.files["token"] = b"unread\n"
        self.assertEqual((await api.ask("GET", "/api/v1/services")).status, 200)

    def test_a_token_is_kept_until_it_is_refused(self) -> Any:
        return ensureDeferred(self.check_token())

    async def check_tls(self) -> None:
        certificate, key = pem()
        with TemporaryDirectory() as directory:
            path = Path(directory) / "both.pem"
            path.write_bytes(certificate + key)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(path)
            context.load_verify_locations(path)
            context.verify_mode = ssl.CERT_REQUIRED
        self.server.secure(context)
        self.files["ca.crt"] = certificate
        url, own = self.server.url.replace("http:", "https:"), {"certificate": certificate, "key": key}
        for more in ({"ca": certificate}, {"ca_file": "ca.crt"}, {"insecure": True}):
            answer = await self.api(server=url, **own, **more).ask("GET", "/api/v1/services")
            self.assertEqual(answer.status, 200)
        for more in ({**own, "ca": pem()[0]}, {**own}, {"ca": certificate}):
            with self.assertRaises(ApiError):
                await self.api(server=url, **more).ask("GET", "/api/v1/services", timeout=5)

    def test_both_sides_show_who_they_are(self) -> Any:
        return ensureDeferred(self.check_tls())
