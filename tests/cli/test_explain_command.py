"""gwt.cli.explain: the answer to "why?", from files and from a running gateway."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gwt.cli.main import run
from gwt.cli.offline import read_store
from gwt.explain import Asked, explain

Capture = pytest.CaptureFixture[str]
DOCUMENTS = """\
name: foo
hosts: [foo.example.com]
namespace: foo
access: {timeout: 7}
services:
- name: a
  port: 80
  paths:
  - uri: /api
    rewrite: {strip: /api}
    access: {retries: 4}
  - {uri: /api, headers: {X-Canary: "1"}}
  - {uri: /closed, plugins: {unheard-of: {}}}
- name: gone
  port: 80
  paths: [{uri: /gone}]
---
upstreams:
  foo/a:80: ["10.0.0.1:80", "10.0.0.2:80"]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("routes").mkdir()
    Path("routes/foo.yaml").write_text(DOCUMENTS)
    Path("gateway.yaml").write_text("store: file:./routes\n")
    return tmp_path


def told(capsys: Capture, *arguments: str) -> tuple[int, dict[str, Any]]:
    status = run(["explain", "--format", "json", *arguments])
    return status, json.loads(capsys.readouterr().out)


def test_the_winner_and_why_the_others_lost(capsys: Capture) -> None:
    status, what = told(capsys, "http://foo.example.com/api/x?y=1")
    assert status == 0
    lost = {one["uri"] + str(one["conditions"]): one["lost"] for one in what["candidates"]}
    assert lost["/api0"] is None
    assert lost["/api1"] == "header x-canary is missing"
    winner = what["winner"]
    assert (winner["upstream"], winner["sent_path"], winner["place"]) == ("foo/a:80", "/x", "foo.yaml:9")
    assert winner["endpoint"] in ("10.0.0.1:80", "10.0.0.2:80")


def test_every_field_names_who_set_it(capsys: Capture) -> None:
    _, what = told(capsys, "foo.example.com/api")
    policy = what["winner"]["policy"]
    assert policy["retries"] == {"value": 4, "set_by": "path /api (foo.yaml:11)"}
    assert policy["timeout"]["value"]["first_byte"] == 7
    assert policy["timeout"]["set_by"] == "route foo (foo.yaml:4)"
    assert policy["max_body"]["set_by"] == "default"


def test_headers_and_methods_count(capsys: Capture) -> None:
    _, what = told(capsys, "-H", "X-Canary: 1", "-X", "post", "foo.example.com/api")
    assert what["request"]["method"] == "POST"
    assert next(one for one in what["candidates"] if one["lost"] is None)["conditions"] == 1


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://bar.example.com/", "no_route"),
        ("http://foo.example.com/elsewhere", "no_route"),
        ("http://foo.example.com/closed", "policy"),
        ("http://foo.example.com/gone", "no_service"),
        ("http://foo.example.com/..%2f..", "bad_request"),
    ],
)
def test_an_error_of_the_gateway_is_said_with_status_1(url: str, code: str, capsys: Capture) -> None:
    status, what = told(capsys, url)
    assert (status, what["error"]["code"]) == (1, code)


def test_for_people_everything_stands_in_the_text(capsys: Capture) -> None:
    assert run(["explain", "foo.example.com/api"]) == 0
    out = capsys.readouterr().out
    for part in ("won", "lost", "header x-canary is missing", "foo/a:80", "10.0.0.2:80", "path /api (foo.yaml:11)"):
        assert part in out


def test_a_url_that_is_none_is_one_line(capsys: Capture) -> None:
    assert run(["explain", "http://bad host/"]) == 1
    assert capsys.readouterr().err.startswith("gwt: http://bad host/: ")


@pytest.fixture
def admin() -> Iterator[str]:
    """What the admin listener answers at /v1/explain, from the same function."""
    snapshot = read_store([Path("routes")]).snapshot

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            headers = [tuple(header.split(":", 1)) for header in query.get("header", ())]
            asked = Asked(query["method"][0], query["url"][0], headers, query["client"][0])  # type: ignore[arg-type]
            body = json.dumps(explain(snapshot, asked)).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_running_gateway_is_asked_the_same(admin: str, capsys: Capture) -> None:
    arguments = ["-H", "X-Canary: 1", "foo.example.com/api"]
    offline = told(capsys, *arguments)
    assert told(capsys, "--admin", admin, *arguments) == offline


def test_a_gateway_that_is_not_there_is_one_line(capsys: Capture) -> None:
    assert run(["explain", "--admin", "http://127.0.0.1:9", "foo.example.com/"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("gwt: http://127.0.0.1:9: ")
    assert err.count("\n") == 1
