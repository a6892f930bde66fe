"""gwt.testing.gateway, client, upstreams, reactor: requests through all of a gateway, and what goes wrong."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from treq.client import HTTPClient
from twisted.web.client import Agent

from gwt.phase.plugin import Exchange, Plugin, Reply
from gwt.plugins.response_rewrite import ResponseRewrite
from gwt.testing import Gateway, Request, Says


@dataclass(frozen=True)
class Asks(Plugin):
    """Asks another service, with treq as plugins do."""

    name = "asks"
    url: str = "http://peer.test:81/may-i"

    async def access(self, ctx: Exchange) -> Reply | None:
        client = HTTPClient(Agent(ctx.tools.reactor))
        answer = await client.get(self.url, reactor=ctx.tools.reactor, timeout=3)
        text = await answer.text()
        return None if answer.code == 200 else Reply(403, text)


@dataclass(frozen=True)
class Broken(Plugin):
    """Can't do what it should."""

    name = "broken"

    def access(self, ctx: Exchange) -> None:
        raise KeyError("x")


@dataclass(frozen=True)
class Counts(Plugin):
    """Counts in shared memory."""

    name = "counts"

    def access(self, ctx: Exchange) -> None:
        ctx.shared("z").incr(b"n", 1)


def test_a_request_there_and_back() -> None:
    gateway = Gateway(upstream=lambda seen: Says(201, seen.body + b"!", {"X-A": "1"}))
    answer = gateway.post("/a/b?c=d", "text", {"X-B": "2"}, client="10.1.2.3")
    assert (answer.status, answer.body, answer.text, answer.headers["x-a"]) == (201, b"text!", "text!", "1")
    assert answer.upstream is not None
    assert (answer.upstream.method, answer.upstream.target) == ("POST", "/a/b?c=d")
    assert answer.upstream.headers["x-b"] == "2" and answer.upstream.headers["X-Forwarded-For"] == "10.1.2.3"
    assert gateway.live == 0 and gateway.seen == [answer.upstream]


@pytest.mark.parametrize("chunked", [False, True])
def test_in_any_pieces(chunked: bool) -> None:
    says = Says(body="0123456789", pieces=[1] * 200, chunked=chunked)
    answer = Gateway(upstream=says).post("/", b"abc" * 9, pieces=[1] * 300, chunked=chunked)
    assert answer.body == b"0123456789" and answer.upstream is not None and answer.upstream.body == b"abc" * 9


@pytest.mark.parametrize(("script", "status", "body"), [("text", 200, b"text"), (b"bytes", 200, b"bytes"),
                         (Reply(404, "gone", {"X-A": "1"}), 404, b"gone"), (Says(204, b""), 204, b"")])  # fmt: skip
def test_what_upstreams_may_say(script: object, status: int, body: bytes) -> None:
    answer = Gateway(upstream=script).get()  # type: ignore[arg-type]
    assert (answer.status, answer.body) == (status, body)


def test_time_passes_only_while_somebody_waits() -> None:
    gateway = Gateway(upstream=Says(delay=3))
    assert gateway.get().status == 200 and 3 <= gateway.reactor.seconds() < 3.5
    silent = Gateway(upstream=None)
    assert silent.get().status == 504 and 60 <= silent.reactor.seconds() < 61 and silent.live == 0


def test_upstreams_that_break_off() -> None:
    assert Gateway(upstream=Says(ends_after=0)).get().status == 502
    answer = Gateway(upstream=Says(body="0123456789", ends_after=50)).get()
    assert not answer.complete and "cut off" in repr(answer)


def test_what_a_plugin_raises_is_told() -> None:
    gateway = Gateway(Broken())
    answer = gateway.get()
    assert answer.status == 500 and "a plugin raised KeyError('x')" in repr(answer)
    assert [(name, type(error)) for name, error in gateway.raised] == [("broken", KeyError)]


def test_plugins_ask_others_by_name() -> None:
    assert Gateway(Asks(), others={"peer.test:81": "yes"}).get().status == 200
    gateway = Gateway(Asks(), others={"*": Says(401, "no")})
    answer = gateway.get()
    assert (answer.status, answer.body, answer.upstream) == (403, b"no", None)
    assert [seen.path for seen in gateway.asked] == ["/may-i"] and gateway.seen == []
    assert "ConnectionRefused" in repr(Gateway(Asks()).get().errors)
    assert Gateway(Asks(), others={"*": None}).get().status == 500


def test_shared_memory_lasts_as_long_as_the_gateway() -> None:
    gateway = Gateway(Counts())
    assert [gateway.get().status for _ in range(3)] == [200] * 3
    assert gateway.zone("z").get("n") == 3 and Gateway(Counts()).zone("z").get("n") is None


def test_configured_as_documents_do_it() -> None:
    gateway = Gateway(ResponseRewrite, configured={"response-rewrite": {"body": "new"}}, route={"name": "mine"})
    assert gateway.get().body == b"new" and gateway.finished[0].route == "mine"
    assert Gateway(ResponseRewrite, global_plugins={"response-rewrite": {"body": "all"}}).get().body == b"all"
    text = (
        'hosts: [a.test]\nname: r\nservices: [{upstream: u, paths: [{uri: /x}]}]\n---\nupstreams: {u: ["10.0.0.1:80"]}'
    )
    gateway = Gateway(documents=text)
    assert [gateway.get(path, host="a.test").status for path in ("/x", "/y")] == [200, 404]


@pytest.mark.parametrize("conf", [{"body": 3}, {"bdy": "x"}])
def test_what_is_wrong_is_said(conf: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="response-rewrite"):
        Gateway(ResponseRewrite, configured={"response-rewrite": conf})


def test_a_client_that_goes_away() -> None:
    gateway = Gateway(upstream=Says(delay=3))
    client = gateway.begin(Request(pieces=[3, 5]))
    client.send(2)
    assert client.answer is None and not gateway.seen
    client.send()
    assert gateway.live == 1
    client.vanish()
    assert gateway.live == 0 and gateway.finished[0].code == "client_gone"


def test_it_runs_in_trial_too(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "from twisted.trial.unittest import TestCase\nfrom gwt.testing import Gateway\n\n"
        "class T(TestCase):\n    def test_it(self):\n        self.assertEqual(Gateway().get().status, 200)\n"
    )
    home = str(Path(__file__).resolve().parent.parent.parent)
    code = f"import sys; sys.path[:0] = [{home!r}]; from twisted.scripts.trial import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", code, "test_it"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and "PASSED" in done.stdout, done.stdout + done.stderr


def test_rate_limits_are_kept_in_memory_too() -> None:
    gateway = Gateway(route={"access": {"rate_limits": [{"rate": 1, "burst": 1, "selectors": ["ip"]}]}})
    assert [gateway.get("/").status for _ in range(3)] == [200, 200, 429]
    assert gateway.get("/", client="192.0.2.8").status == 200
    gateway.advance(1.0)
    assert gateway.get("/").status == 200
