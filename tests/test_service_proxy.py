"""The service proxy: which URLs name a Service, which Services may be reached, and what they see."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from upstream.stage import Answer, Client, Origin, Stage, ok, say

from gwt.balance.endpoint import Registry
from gwt.errors import GatewayError
from gwt.fitting import Outermost
from gwt.model.route import NO_ACCESS, Access, PluginUse, Timeout
from gwt.service_proxy import Gate, ServiceLeaves, parse, parse_name, spoken
from gwt.surroundings import Surroundings


def outermost(access: Access = NO_ACCESS, *plugins: PluginUse) -> Outermost:
    return Outermost.of(Surroundings(Registry(lambda: 0.0, lambda: 0.5), access, plugins))


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        (b"/__web.shop.80__", ("web", "shop", 80, b"/")),
        (b"/__web.shop.80__/", ("web", "shop", 80, b"/")),
        (b"/__web.shop.65535__/a/b", ("web", "shop", 65535, b"/a/b")),
        (b"/__a-b.c-d.1__//x", ("a-b", "c-d", 1, b"//x")),
        (b"/__web.shop.80__/__other.ns.81__/", ("web", "shop", 80, b"/__other.ns.81__/")),
    ],
)
def test_the_form(path: bytes, parts: tuple[str, str, int, bytes]) -> None:
    assert parse(path) == parts


OTHER_FORMS = [
    b"/", b"", b"/x", b"/__web.shop.80", b"/__web.shop.80__x", b"/__web.shop__/", b"/__web.shop.http__/",
    b"/__web.80__/", b"/__web.shop.80.90__/", b"/__Web.shop.80__/", b"/__web.SHOP.80__/", b"/__web.shop.080__/",
    b"/__web.shop.0__/", b"/__web.shop.65536__/", b"/__web.shop.99999999999__/", b"/__web.shop.-1__/",
    b"/__web.shop.+80__/", b"/%5F%5Fweb.shop.80__/", b"/%5f_web.shop.80__/", b"/__web%2eshop.80__/",
    b"/__web.shop.80%5f%5f/", b"//__web.shop.80__/", b"/____web.shop.80__/", b"/__web.shop.80____/",
    b"/__web.shop.80__%2f", b"/./__web.shop.80__/", b"/x/../__web.shop.80__/", b"/__..shop.80__/",
    b"/__web..80__/", b"/__web_x.shop.80__/", b"/__web.shop.8 0__/", "/__web.shop.\u0668\u0660__/".encode(),
    b"/_web.shop.80_/", b"/__web.shop.80__;x/", b"/__web.shop.80__\n", b"/x/__web.shop.80__/",
]  # fmt: skip


@pytest.mark.parametrize("path", OTHER_FORMS)
def test_other_forms_are_none(path: bytes) -> None:
    with pytest.raises(GatewayError) as raised:
        parse(path)
    assert raised.value.code == "no_route"


@pytest.mark.parametrize(
    ("allow", "deny", "name", "admitted"),
    [
        (["*/*"], [], "shop/web", True),
        (["*/*"], ["kube-system/*"], "kube-system/dns", False),
        (["*/*"], ["default/kubernetes"], "default/kubernetes", False),
        (["*/*"], ["default/kubernetes"], "default/kubernetes-x", True),
        (["shop/*"], [], "shop/web", True),
        (["shop/*"], [], "shopx/web", False),
        (["shop/we?"], ["*/web"], "shop/web", False),
        ([], [], "shop/web", False),
        (["shop.x/*"], [], "shop-x/web", False),
    ],
)
def test_deny_wins(allow: list[str], deny: list[str], name: str, admitted: bool) -> None:
    namespace, service = name.split("/")
    assert Gate(allow, deny).admits(namespace, service) is admitted


def test_the_global_policy_holds() -> None:
    access = Access(timeout=Timeout(1.0, 2.0, 3.0, 4.0), retries=0, max_body=5)
    leaf = ServiceLeaves(Gate(["*/*"], [])).leaf("web", "shop", 80, outermost(access))
    assert (leaf.connect, leaf.first_byte, leaf.read, leaf.total) == (1.0, 2.0, 3.0, 4.0)
    assert (leaf.retries, leaf.max_body, leaf.closed) == (0, 5, None)


def test_a_policy_that_cannot_be_kept_closes_it() -> None:
    leaves, shut = ServiceLeaves(Gate(["*/*"], ["kube-system/*"])), outermost(Access(auth_type="magic"))
    closed = leaves.leaf("web", "shop", 80, shut).closed
    assert closed is not None and (closed.status, closed.code) == (503, "policy")
    denied = leaves.leaf("dns", "kube-system", 53, shut).closed
    assert denied is not None and denied.code == "denied"


def test_leaves_are_made_once_and_bounded() -> None:
    leaves, under = ServiceLeaves(Gate(["*/*"], [])), outermost()
    first = leaves.leaf("web", "shop", 80, under)
    assert leaves.leaf("web", "shop", 80, under) is first
    assert leaves.leaf("web", "shop", 80, outermost()) is not first
    for port in range(1, 12_000):
        leaves.leaf("web", "shop", port, under)
    assert len(leaves._leaves) <= 10_001


# -- over sockets


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage() as made:
        yield made


def ask(stage: Stage, target: bytes, extra: bytes = b"", host: bytes = b"localhost:9081") -> Answer:
    client = Client(stage.service_port)
    client.send(b"GET %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (target, host, extra))
    answer = client.answer()
    client.close()
    return answer


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["code"]


def test_a_service_is_reached(stage: Stage) -> None:
    with Origin(say(ok(b"web"))) as origin:
        stage.point("web", origin.address)
        assert (
            ask(stage, b"/__web.foo.80__/a/./b/../c//d?x=/../y&z", b"X-User-Id: root\r\nx_user_info: e30\r\n").body
            == b"web"
        )
        assert ask(stage, b"/__web.foo.80__?q=1").body == b"web"
        assert ask(stage, b"/__web.foo.80__/a%2Fb").body == b"web"
        assert ask(stage, b"http://localhost/__web.foo.80__/abs").body == b"web"
        lines = [seen.line for seen in origin.seen]
        assert lines == [
            b"GET /a/c/d?x=/../y&z HTTP/1.1", b"GET /?q=1 HTTP/1.1", b"GET /a%2Fb HTTP/1.1", b"GET /abs HTTP/1.1",
        ]  # fmt: skip
        for seen in origin.seen:
            assert seen.values(b"host") == [b"web.foo.svc:80"]
            assert not seen.values(b"x-user-id") and not seen.values(b"x_user_info")
        stage.settle()


def test_a_service_is_chosen_by_a_field(stage: Stage) -> None:
    with Origin(say(ok(b"web"))) as origin, Origin(say(ok(b"other"))) as other:
        stage.point("web", origin.address)
        stage.point("other", other.address)
        assert ask(stage, b"/a?q", b"X-Gwt-Service: web.foo.80\r\n").body == b"web"
        assert ask(stage, b"/__other.foo.80__/a", b"x-gwt-service: web.foo.80\r\n").body == b"web"
        assert [seen.line for seen in origin.seen] == [b"GET /a?q HTTP/1.1", b"GET /__other.foo.80__/a HTTP/1.1"]
        for seen in origin.seen:
            assert seen.values(b"host") == [b"web.foo.svc:80"] and not seen.values(b"x-gwt-service")
        assert code(ask(stage, b"/", b"x-gwt-service: dns.kube-system.53\r\n")) == (403, "denied")
        assert code(ask(stage, b"/__web.foo.80__/", b"x-gwt-service: dns.kube-system.53\r\n")) == (403, "denied")
        twice = b"x-gwt-service: web.foo.80\r\nX-Gwt-Service: web.foo.80\r\n"
        assert code(ask(stage, b"/", twice)) == (404, "no_route")
        stage.settle()


OTHER_NAMES = [
    b"", b"web", b"web.foo", b"web.foo.080", b"web.foo.0", b"web.foo.65536", b"Web.foo.80", b"web.foo.http",
    b"web.foo.80.90", b"web_.foo.80", b"__web.foo.80__", b"web.foo.80,web.foo.80", b"foo/web:80",
]  # fmt: skip


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_other_names_are_none(stage: Stage, name: bytes) -> None:
    with pytest.raises(GatewayError) as raised:
        parse_name(name)
    assert raised.value.code == "no_route"
    assert code(ask(stage, b"/", b"x-gwt-service: %b\r\n" % name)) == (404, "no_route")


@pytest.mark.parametrize(
    ("said", "plain", "grpc"),
    [
        (None, "http", "h2c"), ("http", "http", "h2c"), ("https", "https", "h2"), ("h2c", "h2c", "h2c"),
        ("grpc", "h2c", "h2c"), ("h2", "h2", "h2"), ("grpcs", "h2", "h2"),
    ],
)  # fmt: skip
def test_what_is_spoken(said: str | None, plain: str, grpc: str) -> None:
    assert (spoken(said, False), spoken(said, True)) == (plain, grpc)
    leaf = ServiceLeaves(Gate(["*/*"], [])).leaf("web", "shop", 80, outermost(), plain)
    assert (leaf.tls and leaf.tls.server_name) == ("web.shop.svc" if plain in ("https", "h2") else None)


def test_denied_is_said_before_anything_about_existence(stage: Stage) -> None:
    for name in (b"dns.kube-system.53", b"nothing.kube-system.1", b"kubernetes.default.443"):
        assert code(ask(stage, b"/__%b__/" % name)) == (403, "denied")
    assert code(ask(stage, b"/__dns.kube-system.53__/a/../../..")) == (403, "denied")


@pytest.mark.parametrize(
    "path", [p for p in OTHER_FORMS if p[:1] == b"/" and p.isascii() and b" " not in p and b"\n" not in p]
)
def test_other_forms_and_unknown_services_are_404(stage: Stage, path: bytes) -> None:
    assert code(ask(stage, path)) == (404, "no_route")
    assert code(ask(stage, b"/__unknown.foo.80__/")) == (404, "no_route")


def test_no_endpoint(stage: Stage) -> None:
    stage.point("empty")
    assert code(ask(stage, b"/__empty.foo.80__/")) == (503, "no_endpoint")


@pytest.mark.parametrize("path", [b"/../x", b"/a/../../x", b"/a%5Cb", b"/a%00b", b"/..%2Fx", b"/%2e%2e/x"])
def test_paths_that_leave_the_root_are_refused(stage: Stage, path: bytes) -> None:
    with Origin(say(ok())) as origin:
        stage.point("web", origin.address)
        assert code(ask(stage, b"/__web.foo.80__" + path)) == (400, "bad_request")
        assert not origin.seen


@pytest.mark.parametrize("host", [b"a b", b"a/b", b"", b"a,b", b"[::1"])
def test_a_host_that_is_none_is_refused(stage: Stage, host: bytes) -> None:
    assert code(ask(stage, b"/__web.foo.80__/", host=host))[0] == 400


def test_the_proxy_listener_knows_nothing_of_it(stage: Stage) -> None:
    with Origin(say(ok())) as origin:
        stage.point("web", origin.address)
        answer = stage.get("localhost", b"/__web.foo.80__/")
        assert code(answer) == (404, "no_route") and not origin.seen


def test_what_must_look_at_every_request_and_can_not_run_closes_the_service_proxy() -> None:
    under = outermost(NO_ACCESS, PluginUse("unheard-of", {}))
    leaf = ServiceLeaves(Gate(["*/*"], [])).leaf("users", "shop", 80, under)
    assert leaf.closed is not None and leaf.closed.code == "policy"
