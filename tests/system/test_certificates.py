"""TLS of a real gateway on both reactors: names, swaps under load, client certificates, upstreams to be known."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority, Pair
from cryptography.hazmat.primitives.asymmetric import ec
from system.h2client import Client
from system.harness import Answer, GatewayProcess, Origin, free_port, get, poll, ready, write_documents
from system.programs import curl_with_http2, tool

NAMES = 1000
CLIENT = "spiffe://cluster/ns/shop/sa/web"
#: How a client sees that it is turned away. (That its time is up is none of these.)
REFUSED = (ssl.SSLError, ConnectionError)


class SecureOrigin(Origin):
    """An Origin behind TLS that says who its client is."""

    def __init__(self, pair: Pair, directory: Path, clients: Authority | None = None) -> None:
        super().__init__()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pair.write(directory, f"origin-{self.port}")
        context.load_cert_chain(directory / f"origin-{self.port}.crt", directory / f"origin-{self.port}.key")
        if clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=clients.pem)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)


@dataclass
class World:
    """A gateway with everything that the tests ask of it."""

    gateway: GatewayProcess
    ca: Authority
    clients: Authority
    port: int
    directory: Path
    pairs: dict[str, Pair]

    def context(self, shown: Pair | None = None) -> ssl.SSLContext:
        return self.ca.trusting(*filter(None, [shown]), directory=self.directory)

    def served(self, name: str | None, context: ssl.SSLContext | None = None) -> bytes:
        """The certificate that is served to who asks for `name` (None: for none)."""
        if context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", self.port), 30) as plain,
            context.wrap_socket(plain, server_hostname=name) as secure,
        ):
            return secure.getpeercert(binary_form=True) or b""

    def ask(self, name: str, shown: Pair | None = None, host: str | None = None, **headers: str) -> Answer:
        """GET / of `host` on a connection to `name`."""
        with self.connection(name, shown) as connection:
            return asked(connection, host or name, **headers)

    def connection(self, name: str, shown: Pair | None = None) -> Any:
        return connected(self.port, name, self.context(shown))


class connected(HTTPSConnection):
    """A connection to 127.0.0.1 that asks for, and verifies, a name."""

    def __init__(self, port: int, name: str, context: ssl.SSLContext) -> None:
        super().__init__("127.0.0.1", port, timeout=30, context=context)
        self._name = name

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self.port), 30)
        self.sock = self._context.wrap_socket(plain, server_hostname=self._name)  # type: ignore[attr-defined]

    def __enter__(self) -> connected:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def asked(connection: HTTPSConnection, host: str, **headers: str) -> Answer:
    connection.request("GET", "/", headers={"Host": host, **{k.replace("_", "-"): v for k, v in headers.items()}})
    response = connection.getresponse()
    return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


def route(name: str, address: str, **service: Any) -> list[dict[str, Any]]:
    return [
        {"name": name, "hosts": [name], "services": [{"upstream": name, "paths": [{"uri": "/"}], **service}]},
        {"upstreams": {name: [address]}},
    ]


def certificate(pair: Pair, **more: Any) -> dict[str, Any]:
    return {"cert": pair.cert, "key": pair.key, **more}


@cache
def authority() -> Authority:
    return Authority()


@cache
def thousand() -> dict[str, Pair]:
    """Certificates for NAMES names, with one key."""
    key = ec.generate_private_key(ec.SECP256R1())
    return {f"h{n}.example.com": authority().pair(f"h{n}.example.com", key=key) for n in range(NAMES)}


@pytest.fixture(scope="module", params=["uvloop", "epoll"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("tls")
    ca, clients = authority(), Authority("clients")
    files, port = directory / "certificates", free_port()
    files.mkdir()
    pairs = dict(thousand())
    for name, pair in pairs.items():
        pair.write(files, name)
    pairs["stored.example.com"] = ca.pair("stored.example.com")
    pairs["*.wild.example.com"] = ca.pair("*.wild.example.com")
    pairs["mtls.example.com"] = ca.pair("mtls.example.com", "mtls2.example.com")
    pairs["ask.example.com"] = ca.pair("ask.example.com")
    pairs["default"] = ca.pair("default.example.com")
    pairs["default"].write(directory, "default")
    asks = {"mode": "require", "ca": clients.pem}
    secret = {
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": "wild", "namespace": "shop"},
        "stringData": {"tls.crt": pairs["*.wild.example.com"].cert, "tls.key": pairs["*.wild.example.com"].key},
    }  # fmt: skip
    stored = {
        "stored": certificate(pairs["stored.example.com"]),
        "mtls": certificate(pairs["mtls.example.com"], client_auth=asks),
        "ask": certificate(pairs["ask.example.com"], client_auth={**asks, "mode": "optional"}),
        "shown": certificate(clients.pair(CLIENT)),
    }
    with Origin() as origin:
        names = ["h0.example.com", "stored.example.com", "a.wild.example.com", "mtls.example.com", "mtls2.example.com",
                 "ask.example.com"]  # fmt: skip
        documents = [document for name in names for document in route(name, origin.address)]
        settings = {
            "listeners": {
                "proxy": [f"tls:{port}:interface=127.0.0.1", f"tcp:{(plain := free_port())}:interface=127.0.0.1"],
                "admin": f"tcp:{free_port()}:interface=127.0.0.1",
            },
            "tls": {
                "certificates": [{"cert": "default.crt", "key": "default.key", "names": ["*"]}],
                "directory": "certificates",
            },
        }  # fmt: skip
        with GatewayProcess(
            directory, [*documents, {"tls": stored}, secret], settings, reactor=request.param
        ) as gateway:
            gateway.proxy = plain
            yield World(gateway, ca, clients, port, directory, pairs)


def test_each_of_a_thousand_names_has_its_certificate(world: World) -> None:
    for name in (*(f"h{n}.example.com" for n in range(0, NAMES, 37)), "stored.example.com"):
        assert world.served(name) == world.pairs[name].der
    assert world.served("H7.EXAMPLE.COM") == world.pairs["h7.example.com"].der
    assert world.served("x.wild.example.com") == world.pairs["*.wild.example.com"].der
    for name in ("a.b.wild.example.com", "wild.example.com", "other.example.org", None):
        assert world.served(name) == world.pairs["default"].der


def test_a_certificate_is_swapped_under_load_and_no_connection_notices(world: World) -> None:
    name, over, failed = "h0.example.com", threading.Event(), []
    answers = [0, 0]

    def load(number: int, requests: int) -> None:
        while not over.is_set():
            try:
                with world.connection(name) as connection:
                    for _ in range(requests):
                        answers[number] += asked(connection, name).status == 200
                        if over.is_set():
                            return
            except (OSError, HTTPException) as error:
                failed.append(error)
                return

    threads = [threading.Thread(target=load, args=(0, 1_000_000)), threading.Thread(target=load, args=(1, 1))]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            new = world.pairs[name] = world.ca.pair(name)
            new.write(world.directory / "certificates", name)
            poll(lambda new=new: world.served(name) == new.der)  # type: ignore[misc]
            before = list(answers)
            poll(lambda before=before: all(now > then for now, then in zip(answers, before, strict=True)))  # type: ignore[misc]
    finally:
        over.set()
        for thread in threads:
            thread.join(30)
    assert failed == []


def test_what_cannot_be_used_is_told_and_the_last_good_one_stays(world: World) -> None:
    name, files = "h1.example.com", world.directory / "certificates"
    lines = len(world.gateway.lines)
    Pair(world.ca.pair(name).cert, world.ca.pair(name).key).write(files, name)
    line = world.gateway.wait_line("h1.example.com.crt: the private key is not that of the certificate", lines)
    assert "the one before it stays in force" in line
    world.ca.pair(name, days=-1).write(files, name)
    world.gateway.wait_line("h1.example.com.crt: the certificate has expired; the one before it stays", lines)
    assert world.served(name) == world.pairs[name].der
    lines = len(world.gateway.lines)
    write_documents(
        world.directory / "routes", [{"tls": {"late": certificate(world.pairs[name]) | {"key": "x"}}}], "l.yaml"
    )
    poll(lambda: "there is no private key" in json.dumps(admin(world, "/v1/problems")))
    told = json.dumps(admin(world, "/v1/problems")) + world.gateway.output
    assert "PRIVATE" not in told.replace("-----BEGIN PRIVATE KEY-----)", "")
    assert all(line not in told for line in world.pairs[name].key.splitlines()[1:-1])
    (world.directory / "routes/l.yaml").unlink()


def admin(world: World, path: str) -> Any:
    port = int(world.gateway.settings["listeners"]["admin"].split(":")[1])  # type: ignore[index]
    return get(port, path).json() if path.startswith("/v1") else get(port, path).body.decode()


def test_only_sound_versions_and_suites(world: World) -> None:
    def handshake(context: ssl.SSLContext) -> Any:
        with world.connection("stored.example.com") as connection:
            connection._context = context
            connection.connect()
            return connection.sock.version(), connection.sock.cipher()[0]

    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = world.context()
        context.minimum_version = context.maximum_version = version
        spoken, cipher = handshake(context)
        assert spoken == version.name.replace("_", ".")
        assert "GCM" in cipher or "CHACHA" in cipher
    weak = world.context()
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="handshake failure"):
        handshake(weak)
    hello = client_hello("stored.example.com", ssl.TLSVersion.TLSv1_2).replace(b"\x03\x03", b"\x03\x02")
    with socket.create_connection(("127.0.0.1", world.port), 30) as plain:
        plain.sendall(hello)
        kind, *_, level, description = plain.recv(7)
        assert (kind, level, description) == (21, 2, 70)  # a fatal alert: protocol_version


def client_hello(name: str, version: ssl.TLSVersion) -> bytes:
    """What a client of this version begins with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = version
    outgoing = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def test_openssl_is_refused_an_old_version(world: World) -> None:
    where = ("-connect", f"127.0.0.1:{world.port}")
    told = tool("openssl", "s_client", *where, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", status=None)
    assert "Cipher is (NONE)" in told


def test_curl_verifies_what_it_is_served(world: World) -> None:
    (world.directory / "ca.pem").write_text(world.ca.pem)
    where = f"stored.example.com:{world.port}"
    trusts = ("--cacert", world.directory / "ca.pem", "--resolve", f"{where}:127.0.0.1")
    told = tool("curl", "-sS", *trusts, f"https://{where}/", "--http1.1", "--max-time", "30")
    assert json.loads(told)["headers"]["x-forwarded-proto"] == "https"


def test_over_http2_too_a_name_is_told_and_kept_apart(world: World) -> None:
    context = world.context(world.clients.pair(CLIENT))
    with Client(world.port, context, "mtls.example.com") as client:
        answer = client.request("mtls.example.com")
        told = json.loads(answer.body)["headers"]["x-forwarded-client-cert"]
        assert (answer.status, CLIENT in told) == (200, True)
        assert client.request("ask.example.com").status == 421


def test_curl_over_http2_too(world: World) -> None:
    (world.directory / "ca.pem").write_text(world.ca.pem)
    world.clients.pair(CLIENT).write(world.directory, "curl")
    where = f"mtls.example.com:{world.port}"
    command = ("--http2", "--cacert", "ca.pem", "--max-time", "30", "--cert", "curl.crt", "--key", "curl.key",
               "--resolve", f"{where}:127.0.0.1")  # fmt: skip

    def curl(*more: str) -> list[str]:
        return curl_with_http2(*command, *more, cwd=world.directory).rsplit("\n", 1)

    body, result = curl(f"https://{where}/")
    assert (result, CLIENT in json.loads(body)["headers"]["x-forwarded-client-cert"]) == ("2 200", True)
    assert curl(f"https://{where}/", "-H", "Host: ask.example.com")[1] == "2 421"


def test_a_client_certificate_is_demanded_and_told(world: World) -> None:
    shown = world.clients.pair("web.example.com", CLIENT, subject='web, "one"')
    for bad in (None, Authority().pair("web.example.com"), world.clients.pair("web.example.com", days=-1)):
        with pytest.raises(REFUSED):
            world.ask("mtls.example.com", bad)
    answer = world.ask(
        "mtls.example.com", shown, X_Forwarded_Client_Cert="Hash=forged", X_forwarded_Client_cert="By=me"
    )
    told = answer.json()["headers"]["x-forwarded-client-cert"]
    assert "forged" not in told
    assert f'URI="{CLIENT}";DNS="web.example.com"' in told
    assert r'Subject="CN=web\\, \\\"one\\\""' in told
    assert told.startswith("Hash=")


def test_a_client_certificate_may_be_optional(world: World) -> None:
    headers = {"X_Forwarded_Client_Cert": "Hash=forged"}
    assert "x-forwarded-client-cert" not in world.ask("ask.example.com", **headers).json()["headers"]
    told = world.ask("ask.example.com", world.clients.pair(CLIENT)).json()["headers"]
    assert CLIENT in told["x-forwarded-client-cert"]
    with pytest.raises(REFUSED):
        world.ask("ask.example.com", Authority().pair(CLIENT))


def test_a_host_that_demands_one_is_not_reached_by_another_name(world: World) -> None:
    shown = world.clients.pair(CLIENT)
    for name in ("stored.example.com", "ask.example.com"):
        answer = world.ask(name, shown, host="mtls.example.com")
        assert (answer.status, answer.json()["code"]) == (421, "misdirected")
    assert get(world.gateway.proxy, "/", host="mtls.example.com").status == 421
    assert get(world.gateway.proxy, "/", host="MTLS.example.com.:80").status == 421
    assert get(world.gateway.proxy, "/", host="stored.example.com").status == 200
    assert world.ask("mtls.example.com", shown, host="mtls2.example.com").status == 200
    assert world.ask("mtls.example.com", shown, host="stored.example.com").status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_of_another_name_does_not_stand_for_a_certificate(world: World, version: ssl.TLSVersion) -> None:
    context = world.context(world.clients.pair(CLIENT))
    context.maximum_version = version
    with connected(world.port, "stored.example.com", context) as first:
        assert asked(first, "stored.example.com").status == 200
        session = first.sock.session
        assert session.has_ticket
    with connected(world.port, "mtls.example.com", context) as second:
        plain = socket.create_connection(("127.0.0.1", world.port), 30)
        try:
            second.sock = context.wrap_socket(plain, server_hostname="mtls.example.com", session=session)
            assert asked(second, "mtls.example.com").status == 421
        except REFUSED:
            assert version is ssl.TLSVersion.TLSv1_3  # in 1.2 a session brings its name along


@pytest.mark.parametrize("reactor", ["uvloop", "epoll"])
def test_who_says_nothing_is_not_waited_for(tmp_path: Path, reactor: str) -> None:
    port = free_port()
    authority().pair("a.example.com").write(tmp_path, "a")
    settings = {
        "listeners": {"proxy": f"tls:{port}:interface=127.0.0.1", "admin": None},
        "tls": {"certificates": [{"cert": "a.crt", "key": "a.key"}], "handshake_timeout": "500ms"},
    }
    with (
        GatewayProcess(tmp_path, [], settings, reactor=reactor),
        socket.create_connection(("127.0.0.1", port), 30) as silent,
        suppress(ConnectionResetError),
    ):
        assert silent.recv(1) == b""


def test_certificates_and_handshakes_are_measured(world: World) -> None:
    poll(lambda: 'certificate="stored"' in admin(world, "/metrics"))  # they are told some at a time
    figures = dict(line.rsplit(" ", 1) for line in admin(world, "/metrics").splitlines() if line.startswith("gwt_tls"))
    assert float(figures["gwt_tls_certificates"]) == NAMES + 6
    assert float(figures['gwt_tls_certificate_expiry_timestamp_seconds{certificate="stored"}']) > 1e9
    assert float(figures["gwt_tls_certificate_soonest_expiry_seconds"]) < 31 * 86400
    assert "gwt_tls_handshakes_total" in figures


@pytest.mark.parametrize(
    ("why", "names", "days", "said"),
    [
        ("expired", ["up.example.com"], -1, "certificate has expired"),
        ("wrong", ["other.example.com"], 30, "Hostname mismatch"),
        ("strange", ["up.example.com"], 30, "unable to get local issuer certificate"),
    ],
)
def test_an_upstream_that_is_not_known_gets_nothing(
    world: World, why: str, names: list[str], days: float, said: str
) -> None:
    ca = Authority("stranger") if why == "strange" else world.ca
    name = f"{why}.example.com"
    with SecureOrigin(ca.pair(*names, days=days), world.directory) as origin:
        tls = {"ca": world.ca.pem, "server_name": "up.example.com"}
        with written(world, name, route(name, origin.address, protocol="https", tls=tls)):
            answer = get(world.gateway.proxy, "/", host=name)
            assert (answer.status, answer.json()["code"]) == (502, "connect_failed")
            assert said in answer.json()["error_msg"]
            assert "tls_certificate_error" in answer.headers["proxy-status"]
            assert origin.requests == 0
        tls = {"verify": False}
        with written(world, f"un{name}", route(f"un{name}", origin.address, protocol="https", tls=tls)):
            assert get(world.gateway.proxy, "/", host=f"un{name}").status == 200


def test_upstreams_that_are_known(world: World) -> None:
    name = "up.example.com"
    with SecureOrigin(world.ca.pair(name, "127.0.0.1"), world.directory, world.clients) as origin:
        known = {"ca": world.ca.pem, "server_name": name}
        with written(world, "anonymous", route("anonymous.example.com", origin.address, protocol="https", tls=known)):
            assert get(world.gateway.proxy, "/", host="anonymous.example.com").status == 502
        known["certificate"] = "shown"
        with written(world, name, route(name, origin.address, protocol="https", tls=known)):
            for _ in range(3):
                assert get(world.gateway.proxy, "/", host=name).status == 200
        del known["server_name"]
        with written(world, "ip", route("ip", origin.address, protocol="https", tls=known)):
            assert get(world.gateway.proxy, "/", host="ip").status == 200
        known["certificate"] = "nowhere"
        with written(world, name, route(name, origin.address, protocol="https", tls=known)):
            assert get(world.gateway.proxy, "/", host=name).json()["code"] == "policy"
    with (
        Origin() as plain,
        written(world, name, route(name, plain.address, protocol="https", tls=known | {"certificate": "shown"})),
    ):
        answer = get(world.gateway.proxy, "/", host=name)
        assert (answer.status, "tls_protocol_error" in answer.headers["proxy-status"]) == (502, True)


@pytest.mark.parametrize("goodbye", [True, False])
def test_an_answer_is_whole_only_with_a_goodbye(world: World, goodbye: bool) -> None:
    name, pair = f"cut{goodbye}.example.com".lower(), world.ca.pair("cut")
    pair.write(world.directory, "cut")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(world.directory / "cut.crt", world.directory / "cut.key")
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(30)

    def answer() -> None:
        with context.wrap_socket(listening.accept()[0], server_side=True) as secure:
            secure.recv(65536)
            secure.sendall(b"HTTP/1.1 200 OK\r\n\r\nall of it")
            if goodbye:
                with suppress(OSError):
                    secure.unwrap()

    thread = threading.Thread(target=answer)
    thread.start()
    address = f"127.0.0.1:{listening.getsockname()[1]}"
    tls = {"ca": world.ca.pem, "server_name": "cut"}
    try:
        with written(world, name, route(name, address, protocol="https", tls=tls)):
            if goodbye:
                assert get(world.gateway.proxy, "/", host=name).body == b"all of it"
            else:
                with pytest.raises((HTTPException, ConnectionError)):
                    get(world.gateway.proxy, "/", host=name)
    finally:
        thread.join(30)
        listening.close()


class written:
    """Documents in the store, in force, for a while."""

    def __init__(self, world: World, host: str, documents: list[dict[str, Any]]) -> None:
        self._world, self._documents = world, documents
        self._host = documents[0]["hosts"][0]

    def __enter__(self) -> None:
        self._world.gateway.write(self._documents, "more.yaml")
        poll(lambda: self._status() != 404)

    def __exit__(self, *_: object) -> None:
        (self._world.directory / "routes/more.yaml").unlink()
        poll(lambda: self._status() == 404)

    def _status(self) -> int:
        port = int(self._world.gateway.settings["listeners"]["admin"].split(":")[1])  # type: ignore[index]
        return 200 if get(port, f"/v1/explain?method=GET&url=http://{self._host}/").json().get("winner") else 404


def test_sessions_are_resumed_by_all_workers(tmp_path: Path) -> None:
    ca, port = Authority(), free_port()
    ca.pair("a.example.com").write(tmp_path, "a")
    settings = {
        "listeners": {"proxy": f"tls:{port}:interface=127.0.0.1", "admin": None}, "workers": 2,
        "tls": {"certificates": [{"cert": "a.crt", "key": "a.key"}]},
    }  # fmt: skip
    with Origin() as origin, GatewayProcess(tmp_path, route("a.example.com", origin.address), settings) as gateway:
        context, session, resumed = ca.trusting(), None, []
        with ExitStack() as stack:
            connections = [stack.enter_context(connected(port, "a.example.com", context)) for _ in range(70)]
            for connection in connections:
                plain = socket.create_connection(("127.0.0.1", port), 30)
                connection.sock = context.wrap_socket(plain, server_hostname="a.example.com", session=session)
                assert asked(connection, "a.example.com").status == 200
                resumed.append(connection.sock.session_reused)
                session = connection.sock.session
            assert resumed == [False] + [True] * 69
            os.kill(children(gateway.popen.pid)[0], signal.SIGKILL)
            poll(lambda: any(ready(connection.sock) for connection in connections))
            ended = [connection.sock.recv(1) == b"" for connection in connections if ready(connection.sock, 0.02)]
            assert 0 < len(ended) < 70, "only one worker had connections"


def children(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_start_without_a_certificate_that_is_listed_is_one_line(tmp_path: Path) -> None:
    settings = {"tls": {"certificates": [{"cert": "a.crt", "key": "a.key"}]}}
    with GatewayProcess(tmp_path, [], settings, wait=False) as gateway:
        assert gateway.wait() == 2
        (line,) = gateway.lines
        assert line.startswith("gwt: gateway.yaml:")
        assert line.endswith("error: tls.certificates: a.crt: can't be read: No such file or directory")
        assert "Traceback" not in gateway.output
