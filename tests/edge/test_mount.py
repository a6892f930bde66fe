"""twisted.web resources behind a route, on a channel without sockets; real sockets: tests/system/test_resources.py."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

import pytest
from edge.rig import Rig
from twisted.internet.interfaces import IPullProducer
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.static import Data, File
from zope.interface import implementer

from gwt.edge.mount import Mount
from gwt.model.route import Access, Path, Rewrite, Service
from gwt.plugins.proxy_rewrite import ProxyRewrite


def get(path: bytes, method: bytes = b"GET", more: bytes = b"", body: bytes = b"") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return method + b" " + path + b" HTTP/1.1\r\nHost: a:81\r\n" + more + length + b"\r\n" + body


def mounted(resource: Resource, uri: str = "/", access: Access | None = None) -> Rig:
    rig = Rig(access=access, service=Service(resource="it", paths=(Path(uri),)), resources={"it": resource})
    root: Any = rig.factory.root
    assert isinstance(root._mounts["it"], Mount)
    return rig


class Told(Resource):
    """Tells what it was asked."""

    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        return b"|".join(
            (b"/".join(request.prepath), b"/".join(request.postpath), request.uri, request.path, request.prePathURL())
        )

    def render_POST(self, request: Any) -> bytes:
        return request.content.read() + b"|" + repr(sorted(request.args.items())).encode()


class Later(Resource):
    """Answers when the test says so."""

    isLeaf = True
    ended: Any = None

    def render(self, request: Any) -> Any:
        self.request = request
        request.notifyFinish().addBoth(self._note)
        return NOT_DONE_YET

    def _note(self, result: object) -> None:
        self.ended = result


@implementer(IPullProducer)
class Pulled:
    """Ten pieces, one at a pull."""

    def __init__(self, request: Any) -> None:
        self.request, self.left, self.stopped = request, 10, False
        request.registerProducer(self, False)

    def resumeProducing(self) -> None:
        self.left -= 1
        self.request.write(b"x" * 1000)
        if not self.left:
            self.request.unregisterProducer()
            self.request.finish()

    def stopProducing(self) -> None:
        self.stopped = True


class Pulling(Resource):
    isLeaf = True

    def render_GET(self, request: Any) -> Any:
        self.producer = Pulled(request)
        return NOT_DONE_YET


def test_it_stands_below_the_routes_path() -> None:
    rig = mounted(Told(), "/api/v1").send(get(b"/api/v1/a/b?q=1"))
    assert rig.answers()[0].body == b"api/v1|a/b|/api/v1/a/b?q=1|/api/v1/a/b|http://a:9080/api/v1"
    assert mounted(Told()).send(get(b"/a")).answers()[0].body.startswith(b"|a|/a|")


def test_answers_are_framed_once() -> None:
    rig = mounted(Later())
    resource = rig.factory.root._mounts["it"]._site.resource  # type: ignore[attr-defined]
    rig.send(get(b"/"))
    resource.request.write(b"one")
    resource.request.write(b"two")
    assert not rig.answers()[0].complete
    resource.request.finish()
    got = rig.answers()[0]
    assert (got.body, got.complete, got.headers[b"transfer-encoding"]) == (b"onetwo", True, b"chunked")
    assert resource.ended is None and not rig.wire.ended
    rig.send(get(b"/"))
    resource.request.finish()
    assert rig.statuses == [200, 200]


def test_a_length_is_kept() -> None:
    root = Resource()
    root.putChild(b"", Data(b"hello", "text/plain"))
    rig = mounted(root).send(get(b"/"), get(b"/", b"HEAD"))
    first, second = rig.answers(False, True)
    assert first.body == b"hello" and first.headers[b"content-length"] == second.headers[b"content-length"] == b"5"


def test_bodies_arrive() -> None:
    rig = mounted(Told()).send(get(b"/?a=b", b"POST", b"", b"hello"))
    assert rig.answers()[0].body == b"hello|[(b'a', [b'b'])]"
    form = b"Content-Type: application/x-www-form-urlencoded\r\n"
    rig.send(get(b"/", b"POST", form, b"c=d"))
    assert rig.answers()[1].body == b"c=d|[(b'c', [b'd'])]"
    rig.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi", b"\r\n0\r\n\r\n")
    assert rig.answers()[2].body == b"hi|[]"


def test_a_body_that_is_too_large() -> None:
    rig = mounted(Told(), access=Access(max_body=3)).send(get(b"/", b"POST", b"", b"hello"))
    assert rig.statuses == [413]
    rig = mounted(Told(), access=Access(max_body=3))
    rig.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\nhi\r\n", b"2\r\nho\r\n")
    assert rig.statuses == [413] and rig.wire.half_closed


def test_100_continue() -> None:
    rig = mounted(Told()).send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert rig.wire.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert rig.send(b"hi").statuses == [100, 200]


@pytest.mark.parametrize(
    ("uri", "rewrite", "asked", "wanted"),
    [
        ("/api", Rewrite(strip="/api"), b"/api/a/b?q=1", b"|a/b|/a/b?q=1|/a/b|http://a:9080/"),
        ("/api/v1", Rewrite(strip="/api"), b"/api/v1/a", b"|v1/a|/v1/a|/v1/a|http://a:9080/"),
        ("/", Rewrite(prefix="/v2"), b"/a", b"|v2/a|/v2/a|/v2/a|http://a:9080/"),
        ("/old", Rewrite(regex=("^/old/(.*)", "/new/$1")), b"/old/a", b"|new/a|/new/a|/new/a|http://a:9080/"),
    ],
)
def test_a_rewrite_changes_what_it_is_asked_for(uri: str, rewrite: Rewrite, asked: bytes, wanted: bytes) -> None:
    service = Service(resource="it", paths=(Path(uri, rewrite=rewrite),))
    rig = Rig(service=service, resources={"it": Told()}).send(get(asked))
    assert rig.answers()[0].body == wanted
    assert rig.finished[0].uri == asked


def test_a_rewrite_that_makes_no_path() -> None:
    service = Service(resource="it", paths=(Path("/", rewrite=Rewrite(regex=("^/a", "/.."))),))
    rig = Rig(service=service, resources={"it": Told()}).send(get(b"/a/b"))
    assert rig.statuses == [400] and b"the rewritten path is none" in rig.answers()[0].body


def test_a_path_that_a_plugin_puts_in_place_is_all_its_own() -> None:
    service = Service(resource="it", paths=(Path("/api"),))
    plugins = {"proxy-rewrite": {"uri": "/x/y"}}
    rig = Rig(service=service, resources={"it": Told()}, kinds=[ProxyRewrite], plugins=plugins).send(get(b"/api/a"))
    assert rig.answers()[0].body.startswith(b"|x/y|/x/y|")


def test_files(tmp_path: FilePath) -> None:
    (tmp_path / "a.txt").write_text("hello " * 1000)
    (tmp_path / "big").write_bytes(bytes(1_000_000))
    rig = mounted(File(str(tmp_path)), "/files")
    rig.send(get(b"/files/a.txt"), get(b"/files/a.txt", more=b"Range: bytes=0-4\r\n"), get(b"/files/none"))
    rig.send(get(b"/files/big"), get(b"/files"), get(b"/files/%2e%2e/x"))
    got = rig.answers()
    assert [answer.status for answer in got] == [200, 206, 404, 200, 302, 404]
    assert got[0].body == b"hello " * 1000 and got[1].body == b"hello" and len(got[3].body) == 1_000_000


@pytest.mark.parametrize("pause_at", [0, 3])
def test_pull_producers_keep_the_clients_pace(pause_at: int) -> None:
    rig = mounted(Pulling())
    write = rig.wire.write

    def full_at_some_point(data: bytes) -> None:
        write(data)
        if pause_at and rig.wire.written.count(b"x" * 1000) == pause_at:
            rig.channel.pauseProducing()

    rig.wire.write = full_at_some_point  # type: ignore[method-assign]
    rig.send(get(b"/"))
    if pause_at:
        assert not rig.answers()[0].complete
        rig.channel.resumeProducing()
    assert len(rig.answers()[0].body) == 10_000


def test_a_client_that_leaves_is_told_of() -> None:
    resource = Later()
    rig = mounted(resource).send(get(b"/")).vanish()
    assert resource.ended is not None and rig.finished[0].code == "client_gone"
    resource.request.write(b"too late")


def test_a_resource_that_fails() -> None:
    class Failing(Resource):
        isLeaf = True

        def render_GET(self, request: Any) -> bytes:
            raise ValueError("as the test wants it")

    rig = mounted(Failing()).send(get(b"/"))
    assert rig.statuses == [500] and not rig.wire.ended
    assert b"as the test wants it" not in rig.answers()[0].body


def test_a_form_that_is_none() -> None:
    form = b"Content-Type: multipart/form-data; boundary=x\r\n"
    rig = mounted(Told()).send(get(b"/", b"POST", form, b"--x\r\nno form"))
    assert rig.statuses[0] in (200, 400)
