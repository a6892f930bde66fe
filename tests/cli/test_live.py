"""gwt.cli.live: a gateway's answers and errors as one line; the token is sent where it is set."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from gwt.cli.command import CommandError
from gwt.cli.live import ask


@pytest.fixture
def admin() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/secret") and self.headers["Authorization"] != "Bearer t0ken":
                self.answer(401, {"error_msg": "who are you"})
            elif self.path.startswith("/odd"):
                self.answer(200, None)
            else:
                self.answer(200, {"path": self.path})

        def answer(self, status: int, what: Any) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"<html>" if what is None else json.dumps(what).encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_query_is_encoded(admin: str) -> None:
    assert ask(admin, "/x", [("a", "1 2"), ("a", "ü&")]) == {"path": "/x?a=1+2&a=%C3%BC%26"}


def test_the_token_comes_from_the_environment(admin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GWT_ADMIN_TOKEN", raising=False)
    with pytest.raises(CommandError, match=r"401 who are you \(set GWT_ADMIN_TOKEN\)"):
        ask(admin, "/secret")
    monkeypatch.setenv("GWT_ADMIN_TOKEN", "t0ken")
    assert ask(f"http://{admin}/", "/secret") == {"path": "/secret"}


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x"])
def test_only_http_is_spoken(url: str) -> None:
    with pytest.raises(CommandError, match="takes an http or https URL"):
        ask(url, "/x")


def test_what_is_no_json_is_an_error(admin: str) -> None:
    with pytest.raises(CommandError):
        ask(admin, "/odd")
