"""gwt.admin.tree: paths, methods and who may ask, over real sockets."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from admin.serving import AdminCase, reactor, settings
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.trial.unittest import TestCase

from gwt.admin.answers import Reply
from gwt.admin.guard import OPEN, Guard
from gwt.admin.site import AdminSite
from gwt.admin.tree import BadQuery, Entry, Question, Tree

ADMIN, SCRAPER = "admin-" + "a" * 32, "metrics-" + "m" * 32


class TreeTests(AdminCase):
    @inlineCallbacks
    def test_what_is_not_there_says_what_is(self) -> Any:
        for path in ("/", "/nope", "/v1", "/v1/route", "/metrics/x", "/healthz/x"):
            status, _, told = yield self.ask(path)
            assert (status, told["code"]) == (404, "not_found"), path
            assert "/v1/routes[/NAME]" in told["paths"]

    @inlineCallbacks
    def test_changes(self) -> Any:
        for method in ("PUT", "DELETE"):
            for path in ("/v1/routes", "/v1/routes/foo", "/v1/upstreams/n/s:80"):
                status, _, told = yield self.ask(path, method, b"{}")
                assert (status, told["code"]) == (409, "read_only")
        status, _, told = yield self.ask("/v1/rollback/3", "POST")
        assert (status, told["code"]) == (409, "read_only")
        for path in ("/v1/history", "/v1/history/3", "/v1/diff?from=1"):
            status, _, told = yield self.ask(path)
            assert (status, told["code"]) == (404, "not_found") and "no history" in told["error_msg"]
        tries = [("POST", "/metrics"), ("DELETE", "/v1/explain"), ("OPTIONS", "/v1/problems"), ("BREW", "/healthz")]
        for method, path in tries:
            status, headers, told = yield self.ask(path, method)
            assert (status, told["code"], headers.getRawHeaders("allow")) == (405, "method", ["GET, HEAD"]), path
        for method, path in (("POST", "/v1/routes"), ("PATCH", "/v1/upstreams")):
            status, headers, told = yield self.ask(path, method)
            assert (status, headers.getRawHeaders("allow")) == (405, ["GET, HEAD, PUT, DELETE"])

    @inlineCallbacks
    def test_what_is_only_for_changes(self) -> Any:
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            status, headers, told = yield self.ask("/v1/plugins/reload", method)
            assert (status, headers.getRawHeaders("allow")) == (405, ["POST"])
            assert method == "HEAD" or "use POST" in told["error_msg"]
        for fields in ({"host": "evil.example.com"}, {"origin": "http://evil.example.com"}):
            status, _, _ = yield self.ask("/v1/plugins/reload", "POST", **fields)
            assert status == 403
        self.admin.apply(settings(f"admin_token: {ADMIN}\n"))
        status, _, _ = yield self.ask("/v1/plugins/reload", "POST")
        assert status == 401 and self.plugged.reloads == 0

    @inlineCallbacks
    def test_every_answer_has_the_headers_that_keep_browsers_out(self) -> Any:
        for path, method in (("/healthz", "GET"), ("/v1/routes", "HEAD"), ("/nope", "GET"), ("/v1/routes", "PUT")):
            _, headers, _ = yield self.ask(path, method)
            assert headers.getRawHeaders("cache-control") == ["no-store"]
            assert headers.getRawHeaders("x-content-type-options") == ["nosniff"]
            assert headers.getRawHeaders("server") == ["gwt"]
            assert not headers.hasHeader("access-control-allow-origin")

    @inlineCallbacks
    def test_names_of_others_are_refused_without_a_token(self) -> Any:
        for path in ("/v1/routes", "/metrics", "/nope"):
            status, _, told = yield self.ask(path, host="evil.example.com")
            assert (status, told["code"]) == (403, "host")
        for path in ("/healthz", "/readyz"):
            status, _, _ = yield self.ask(path, host="evil.example.com")
            assert status in (200, 503)
        status, _, _ = yield self.ask("/v1/routes", host=f"localhost:{self.port}")
        assert status == 200

    @inlineCallbacks
    def test_tokens(self) -> Any:
        self.admin.apply(settings(f"admin_token: {ADMIN}\nmetrics_token: {SCRAPER}\n"))
        for path in ("/v1/routes", "/metrics", "/nope", "/v1/problems"):
            status, headers, told = yield self.ask(path)
            assert (status, told["code"]) == (401, "auth")
            assert headers.getRawHeaders("www-authenticate") == ['Bearer realm="gwt"']
        status, _, _ = yield self.ask("/v1/routes", authorization=f"Bearer {ADMIN}", host="evil.example.com")
        assert status == 200
        status, _, _ = yield self.ask("/metrics", authorization=f"Bearer {SCRAPER}")
        assert status == 200
        status, _, _ = yield self.ask("/v1/routes", authorization=f"Bearer {SCRAPER}")
        assert status == 401
        status, _, _ = yield self.ask("/healthz")
        assert status == 200

    @inlineCallbacks
    def test_queries_that_make_no_sense(self) -> Any:
        for path in ("/v1/routes?limit=0", "/v1/routes?limit=x", "/v1/upstreams?limit=-1", "/v1/routes?view=x",
                     "/v1/routes?after=%ff", "/v1/explain", "/v1/explain?url=http://a%20b/",
                     "/v1/explain?url=http://a/&header=x", "/v1/explain?url=http://a/&client=nobody",
                     "/v1/explain?url=http://[::1/"):  # fmt: skip
            status, _, told = yield self.ask(path)
            assert (status, told["code"]) == (400, "bad_request"), path

    @inlineCallbacks
    def test_an_etag_saves_an_answer(self) -> Any:
        _, headers, told = yield self.ask("/v1/routes")
        assert headers.getRawHeaders("etag") == [f'"{told["revision"]}"']
        status, _, text = yield self.ask("/v1/routes", if_none_match=f'"{told["revision"]}"')
        assert (status, text) == (304, "")


def test_questions() -> None:
    question = Question("", {"limit": ["7"], "x": ["a", "b"]})
    assert (question.number("limit", 10), question.number("none", 10), question.one("x")) == (7, None, "a")
    for text in ("", "11", "٣", "1e1", "9" * 5000):
        with pytest.raises(BadQuery):
            Question("", {"limit": [text]}).number("limit", 10)


class GoneTests(TestCase):
    @inlineCallbacks
    def test_who_has_gone_is_answered_no_more(self) -> Any:
        asked, left = Deferred[None](), Deferred[None]()

        def cancelled(answer: Deferred[Reply]) -> None:
            answer.callback(Reply({}))  # it has a result even for who is gone
            left.callback(None)

        def wait(question: Question) -> Deferred[Reply]:
            asked.callback(None)
            return Deferred(cancelled)

        site = AdminSite(Tree([Entry("v1/it", "it", wait, OPEN)], Guard(), reactor), reactor)
        port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        with socket.create_connection(("127.0.0.1", port.getHost().port)) as client:
            client.sendall(b"GET /v1/it HTTP/1.1\r\nHost: localhost\r\n\r\n")
            yield asked
        yield left
        assert self.flushLoggedErrors() == []
