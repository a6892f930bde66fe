"""The admin listener of real gateways: one process and several, the live commands, start and drain."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from prometheus_client.parser import text_string_to_metric_families
from system.harness import (
    PATIENCE,
    Answer,
    GatewayProcess,
    Origin,
    Process,
    free_port,
    get,
    poll,
    request,
    simple_route,
    twistd,
)
from system.raw import connect, read_until
from system.test_supervised import children

from gwt.cli.main import run

TOKEN = "0123456789abcdef" * 2
BAD = "name: bad\nhosts: [bad.example.com]\nservices: [{name: b, port: 80, pahts: []}]\n"

Sample = tuple[str, ...]


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


def scrape(port: int, **options: Any) -> dict[Sample, float]:
    """Every sample by its name and label values."""
    answer = get(port, "/metrics", **options)
    assert answer.status == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def whole(port: int) -> dict[Sample, float]:
    """The samples of a scrape that every worker has answered: one that is held up is left out of the others."""

    def got() -> dict[Sample, float] | None:
        samples = scrape(port)
        return samples if samples[("gwt_workers_answered",)] == samples[("gwt_workers",)] else None

    return poll(got)


def agreed(port: int, path: str) -> Answer:
    """What is answered where every worker that was asked has answered, or none had to be."""

    def got() -> Answer | None:
        answer = get(port, path)
        workers = answer.json().get("workers")
        return answer if workers is None or workers["asked"] == workers["answered"] else None

    return poll(got)


def documented(text: str) -> dict[str, tuple[str, tuple[str, ...], str]]:
    """Name -> type, labels and meaning, from the tables of docs/metrics.md."""
    lines = [line.strip("|") for line in text.splitlines() if line.startswith("| `gwt_")]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    return {
        name.strip("`"): (kind, tuple(part.strip("` ") for part in labels.split(",") if part.strip("` ")), meaning)
        for name, kind, labels, meaning in rows
    }


def exposed(text: str) -> dict[str, tuple[str, tuple[str, ...], str]]:
    """The same, from what /metrics says."""
    found = {}
    for family in text_string_to_metric_families(text):
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = tuple(label for label in family.samples[0].labels if label != "le")
        found[name] = (family.type, labels, family.documentation)
    return found


PLUGIN = """
from dataclasses import dataclass
from gwt.phase.plugin import Plugin, Reply

@dataclass(frozen=True)
class Made(Plugin):
    name = "{name}"
    def access(self, ctx):
        {body}
"""


def test_the_page_on_metrics_is_what_is_exposed(tmp_path: Path, origin: Origin) -> None:
    page = Path(__file__).resolve().parents[2] / "docs/metrics.md"
    for name, body in (("denies", "return Reply(403)"), ("fails", "raise ValueError")):
        (tmp_path / f"{name}.py").write_text(PLUGIN.format(name=name, body=body))
    report = {"_meta": {"mode": "report"}}
    documents = simple_route(origin.address, plugins={"denies": report, "fails": report})
    documents.append({"stream": "plain", "services": [{"name": "foo-service", "port": 8080, "namespace": "foo"}]})
    Authority().pair("a.example.com").write(tmp_path, "a")
    settings = {"plugin_path": ["."], "tls": {"certificates": [{"cert": "a.crt", "key": "a.key"}]}}
    with GatewayProcess(tmp_path, documents, settings) as gateway:
        get(gateway.proxy, "/", host="foo.example.com")
        get(gateway.proxy, "/", host="nowhere.example.com")
        plain, introduced = free_port(), free_port()
        stream = {"plain": f"tcp:{plain}:interface=127.0.0.1", "other": f"haproxy:tcp:{introduced}:interface=127.0.0.1"}
        gateway.configure({"listeners": {**gateway.settings["listeners"], "stream": stream}})
        gateway.signal(signal.SIGHUP)
        gateway.wait_line("is in force")
        assert get(plain, "/").status == 200
        assert refused(introduced)
        poll(lambda: ("gwt_refreshes_total", "unchanged") in scrape(gateway.admin))
        poll(lambda: any(name == "gwt_stream_connections_total" for name, *_ in scrape(gateway.admin)))
        poll(lambda: ("gwt_tls_certificate_expiry_timestamp_seconds", "a.crt") in scrape(gateway.admin))
        assert exposed(get(gateway.admin, "/metrics").body.decode()) == documented(page.read_text())


def refused(port: int) -> bool:
    """Whether whoever does not introduce itself is closed, or broken off."""
    try:
        with connect(port) as sock:
            sock.sendall(bytes(16))
            return sock.recv(1) == b""
    except ConnectionError:
        return True


def test_one_process_counts_what_happened(tmp_path: Path, origin: Origin) -> None:
    with GatewayProcess(tmp_path, simple_route(origin.address)) as gateway:
        for _ in range(5):
            assert get(gateway.proxy, "/x", host="foo.example.com").status == 200
        request(gateway.proxy, "POST", "/x", host="foo.example.com", body=b"x" * 1000)
        assert get(gateway.proxy, "/x", host="nowhere.example.com").status == 404
        got = scrape(gateway.admin)
        expected = {
            ("gwt_requests_total", "simple", "foo-service", "2xx", "200"): 6,
            ("gwt_requests_total", "-", "-", "4xx", "404"): 1,
            ("gwt_request_duration_seconds_count", "simple", "foo-service"): 6,
            ("gwt_request_bytes_total", "simple", "foo-service"): 1000,
            ("gwt_errors_total", "no_route"): 1,
            ("gwt_connections_accepted_total",): 7,
            ("gwt_upstream_tries_total", "foo/foo-service:8080"): 6,
            ("gwt_upstream_failures_total", "foo/foo-service:8080"): 0,
            ("gwt_snapshot_revision",): 1,
            ("gwt_workers",): 1,
            ("gwt_routes",): 1,
        }
        assert {key: got.get(key) for key in expected} == expected
        assert got[("gwt_upstream_connects_total",)] + got[("gwt_upstream_reuses_total",)] == 6
        poll(lambda: scrape(gateway.admin)[("gwt_access_log_lines_total",)] == 7)


def test_workers_add_up(tmp_path: Path, origin: Origin) -> None:
    with GatewayProcess(tmp_path, simple_route(origin.address), {"workers": 2}) as gateway:
        for _ in range(40):
            assert get(gateway.proxy, "/x", host="foo.example.com").status == 200
        for _ in range(4):  # whichever worker answers
            got = whole(gateway.admin)
            assert got[("gwt_requests_total", "simple", "foo-service", "2xx", "200")] == 40
            assert got[("gwt_upstream_tries_total", "foo/foo-service:8080")] == 40
            assert got[("gwt_connections_accepted_total",)] == 40
            assert (got[("gwt_workers",)], got[("gwt_workers_ready",)]) == (2, 2)
            for path in ("/v1/upstreams/foo/foo-service:8080", "/v1/upstreams"):
                told = agreed(gateway.admin, path).json()
                assert told["workers"] == {"asked": 2, "answered": 2}
                (endpoint,) = told.get("endpoints") or told["upstreams"][0]["endpoints"]
                assert (endpoint["requests"], endpoint["failures"], endpoint["in_flight"]) == (40, 0, 0)


def test_what_is_in_flight_is_seen(tmp_path: Path) -> None:
    with Origin() as origin, GatewayProcess(tmp_path, simple_route(origin.address), {"workers": 2}) as gateway:
        origin.hold.clear()
        with connect(gateway.proxy) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: foo.example.com\r\n\r\n")
            assert origin.arrived.wait(30)
            (endpoint,) = agreed(gateway.admin, "/v1/upstreams/foo/foo-service:8080").json()["endpoints"]
            assert endpoint["in_flight"] == 1
            assert whole(gateway.admin)[("gwt_upstream_in_flight", "foo/foo-service:8080")] == 1


def test_changes_are_seen(tmp_path: Path, origin: Origin) -> None:
    with GatewayProcess(tmp_path, simple_route(origin.address)) as gateway:
        assert get(gateway.admin, "/v1/problems").json()["problems"] == []
        gateway.write(BAD, "bad.yaml")
        told = poll(lambda: get(gateway.admin, "/v1/problems").json()["quarantined"])
        assert (told[0]["name"], told[0]["source"]["file"]) == ("bad", "bad.yaml")
        assert any("pahts" in problem["message"] for problem in told[0]["problems"])
        assert get(gateway.admin, "/v1/routes/bad").json()["state"] == "quarantined"
        assert scrape(gateway.admin)[("gwt_quarantined_documents",)] == 1
        assert get(gateway.admin, "/readyz").status == 200
        assert request(gateway.admin, "PUT", "/v1/routes/bad", body=b"{}").json()["code"] == "read_only"


def test_a_store_that_can_not_be_read_is_told_until_it_can(tmp_path: Path, origin: Origin) -> None:
    with GatewayProcess(tmp_path, simple_route(origin.address)) as gateway:
        routes, away = tmp_path / "routes", tmp_path / "away"
        routes.rename(away)
        poll(lambda: get(gateway.admin, "/v1/problems").json()["problems"])
        assert get(gateway.proxy, "/", host="foo.example.com").status == 200
        away.rename(routes)
        poll(lambda: not get(gateway.admin, "/v1/problems").json()["problems"])
        assert get(gateway.admin, "/readyz").status == 200


@pytest.mark.parametrize("workers", [1, 2])
def test_readiness_ends_with_the_drain(tmp_path: Path, workers: int) -> None:
    with Origin() as origin, GatewayProcess(tmp_path, simple_route(origin.address), {"workers": workers}) as gateway:
        assert get(gateway.admin, "/readyz").json()["status"] == "ready"
        origin.hold.clear()
        with connect(gateway.proxy) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: foo.example.com\r\n\r\n")
            assert origin.arrived.wait(30)
            gateway.signal(signal.SIGTERM)
            gateway.wait_line("stopping")
            poll(lambda: not_ready(gateway.admin))
            poll(lambda: len(children(gateway)) == workers - 1)  # whoever has nothing to finish is gone
            assert get(gateway.admin, "/readyz").status == 503
            assert scrape(gateway.admin)[("gwt_workers_ready",)] == 0
            origin.hold.set()
            assert b" 200 " in read_until(client, b"\r\n\r\n")
        assert gateway.wait() == 0


def not_ready(port: int) -> bool:
    """Whether the answer is 503; who was asked may go before it has answered."""
    try:
        return get(port, "/readyz").status == 503
    except (OSError, HTTPException):
        return False


def test_a_worker_that_is_replaced_answers_whoever_has_asked_it(tmp_path: Path, origin: Origin) -> None:
    large = {"response-rewrite": {"body": "x" * 50_000}}
    documents = [
        {
            "name": f"r{n}",
            "hosts": [f"r{n}.x"],
            "services": [{"upstream": "u", "paths": [{"uri": "/"}], "plugins": large}],
        }
        for n in range(100)
    ]
    with GatewayProcess(tmp_path, documents, {"workers": 2}) as gateway, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", gateway.admin))
        client.sendall(b"GET /v1/routes HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = HTTPResponse(client)
        answer.begin()
        for _ in range(2):  # by the second time a worker without requests would have gone long ago
            seen = len(gateway.lines)
            gateway.signal(signal.SIGHUP)
            gateway.wait_line("is in force in 2 workers", start=seen)
        told = json.load(answer)
    assert [one["state"] for one in told["routes"]] == ["in_force"] * len(documents)


def test_readiness_outlasts_a_reload_of_workers(tmp_path: Path, origin: Origin) -> None:
    with GatewayProcess(tmp_path, simple_route(origin.address), {"workers": 2}) as gateway:
        gateway.configure({"drain": 5})
        gateway.signal(signal.SIGHUP)
        statuses = {agreed(gateway.admin, "/readyz").status}
        poll(lambda: statuses.add(agreed(gateway.admin, "/readyz").status) or "is in force" in gateway.output)
        assert statuses == {200}
        poll(lambda: scrape(gateway.admin)[("gwt_workers",)] == 2)


def test_it_does_not_start_open_to_strangers(tmp_path: Path) -> None:
    (tmp_path / "routes").mkdir()
    config = tmp_path / "gateway.yaml"
    for settings in ({"listeners": {"proxy": "tcp:0", "admin": "tcp:0"}}, {"admin_token": "changeme"}):
        config.write_text(json.dumps({"listeners": {"proxy": "tcp:0", "admin": None}, **settings}))
        with Process(twistd("gateway", "--config", str(config)), cwd=tmp_path) as process:
            assert process.wait() == 2
            assert process.output.count("\n") == 0
            assert process.output.startswith("gwt: ")
            assert "admin_token" in process.output


def test_tokens_are_read_again_with_the_configuration(tmp_path: Path, origin: Origin) -> None:
    settings = {"admin_token": "${env:GWT_TEST_TOKEN}"}
    with GatewayProcess(tmp_path, simple_route(origin.address), settings, env={"GWT_TEST_TOKEN": TOKEN}) as gateway:
        assert get(gateway.admin, "/v1/routes").status == 401
        bearing = {"Authorization": f"Bearer {TOKEN}"}
        assert get(gateway.admin, "/v1/routes", headers=bearing).status == 200
        assert get(gateway.admin, "/metrics").status == 401
        assert get(gateway.admin, "/readyz").status == 200
        gateway.configure({"metrics_token": "m" * 20})
        gateway.signal(signal.SIGHUP)
        gateway.wait_line("is in force")
        assert get(gateway.admin, "/metrics", headers={"Authorization": "Bearer " + "m" * 20}).status == 200
        assert TOKEN not in gateway.output


def test_the_live_commands(tmp_path: Path, origin: Origin, capsys: pytest.CaptureFixture[str]) -> None:
    os.environ["GWT_ADMIN_TOKEN"] = TOKEN
    try:
        with GatewayProcess(tmp_path, simple_route(origin.address), {"admin_token": TOKEN}) as gateway:
            admin = f"http://127.0.0.1:{gateway.admin}"
            assert run(["explain", "--admin", admin, "-X", "PUT", "foo.example.com/x"]) == 0
            said = capsys.readouterr().out
            assert "->  won" in said
            assert f"{origin.address}" in said
            assert run(["explain", "--admin", admin, "nowhere.example.com/"]) == 1
            capsys.readouterr()
            assert run(["routes", "--admin", admin]) == 0
            assert "foo.example.com" in capsys.readouterr().out
            os.environ["GWT_ADMIN_TOKEN"] = "wrong"
            assert run(["routes", "--admin", admin]) == 1
            assert "401" in capsys.readouterr().err
    finally:
        del os.environ["GWT_ADMIN_TOKEN"]


def test_a_unix_socket_will_do(tmp_path: Path, origin: Origin) -> None:
    path = tmp_path / "admin.sock"
    listeners = {"proxy": "tcp:0:interface=127.0.0.1", "admin": f"unix:{path}"}
    with GatewayProcess(tmp_path, simple_route(origin.address), {"listeners": listeners}):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(os.fspath(path))
            client.sendall(b"GET /v1/routes HTTP/1.0\r\n\r\n")
            got = b"".join(iter(lambda: client.recv(65536), b""))
    assert b" 200 " in got.splitlines()[0]
    assert b'"simple"' in got
