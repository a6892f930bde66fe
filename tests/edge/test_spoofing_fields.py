"""What a client may not say in the gateway's name: every spelling, and what is put in its place."""

from __future__ import annotations

import json

import pytest
from edge.rig import Got, Rig, Seen

NAMES = (
    b"X-User-Id", b"x-user-id", b"X_User_Id", b"X-User_Id", b"X.User.Id", b"x_USER-id", b"X-User-Info", b"X_User_Info",
    b"X-USER.INFO", b"Gwt-Debug", b"gwt_debug", b"GWT.Debug", b"X-Original-URL", b"X-Rewrite-Url", b"x_original_uri",
    b"Proxy", b"Keep-Alive", b"Proxy-Connection", b"Proxy-Authorization", b"HTTP2-Settings", b"Forwarded",
    b"X-Forwarded-Prefix", b"X_Forwarded_Prefix", b"X-Forwarded-User", b"X.Forwarded.User", b"X-Forwarded-Uri",
    b"X-Forwarded-Scheme", b"X_Real_Ip", b"X.Real-IP", b"x_forwarded_for", b"X_Forwarded_Host", b"X_Request_Id",
    b"Transfer_Encoding", b"Content.Length", b"Upgrade",
)  # fmt: skip
OURS = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port", b"x-real-ip")
PROXY = "192.0.2.7"


def asked(more: bytes, *, trusted: bool = False, trusts: object = None, first: bytes = b"Host: a.example\r\n") -> Seen:
    believes = trusts or (lambda peer: trusted and peer.startswith("192.0.2."))
    rig = Rig(peer=PROXY, trusts=believes)  # type: ignore[arg-type]
    rig.send(b"GET / HTTP/1.1\r\n" + first + more + b"\r\n")
    assert rig.statuses == [200], rig.wire.written
    return rig.seen[0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("trusted", [False, True])
def test_no_spelling_passes(name: bytes, trusted: bool) -> None:
    seen = asked(name + b": evil\r\n" + name + b":evil\r\n", trusted=trusted)
    assert b"evil" not in b"".join(value for _, value in seen.headers)


@pytest.mark.parametrize("name", [b"X-User-Id", b"X_User_Info", b"X-Forwarded-For", b"X-Real-IP", b"X-Forwarded-Host"])
def test_no_spelling_passes_by_connection(name: bytes) -> None:
    seen = asked(b"Connection: %b\r\n%b: evil\r\n" % (name, name))
    assert b"evil" not in b"".join(value for _, value in seen.headers)
    assert all(seen.header(ours) for ours in OURS)


@pytest.mark.parametrize("name", (*NAMES[:9], b"Host", b"Authorization", b"Content-Length", b"X-Forwarded-For"))
def test_no_spelling_passes_in_trailers(name: bytes) -> None:
    rig = Rig().send(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: %b\r\n\r\n"
        b"0\r\nX-Fine: 1\r\n%b: evil\r\n\r\n" % (name, name)
    )
    assert rig.seen[0].trailers == [(b"x-fine", b"1")]


def test_what_an_upstream_is_told() -> None:
    seen = asked(b"X-Forwarded-For: 1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n"
                 b"X-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\nVia: 1.1 before\r\n")  # fmt: skip
    assert [seen.header(name) for name in OURS] == [b"192.0.2.7", b"http", b"a.example", b"9080", b"192.0.2.7"]
    assert seen.header(b"via") == b"1.1 before|1.1 gwt"


def test_via_names_the_clients_version() -> None:
    rig = Rig().send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    assert rig.seen[0].header(b"via") == b"1.0 gwt"


@pytest.mark.parametrize(
    ("said", "client", "chain"),
    [
        (b"203.0.113.9", b"203.0.113.9", b"203.0.113.9, 192.0.2.7"),
        (b"6.6.6.6, 203.0.113.9", b"203.0.113.9", b"6.6.6.6, 203.0.113.9, 192.0.2.7"),
        (b"203.0.113.9, 192.0.2.8", b"203.0.113.9", b"203.0.113.9, 192.0.2.8, 192.0.2.7"),
        (b"203.0.113.9,192.0.2.8 , 192.0.2.9", b"203.0.113.9", b"203.0.113.9,192.0.2.8 , 192.0.2.9, 192.0.2.7"),
        (b"192.0.2.8", b"192.0.2.8", b"192.0.2.8, 192.0.2.7"),
        (b"6.6.6.6, garbage, 192.0.2.8", b"192.0.2.8", b"6.6.6.6, garbage, 192.0.2.8, 192.0.2.7"),
        (b"unknown", b"192.0.2.7", b"unknown, 192.0.2.7"),
        (b"[2001:db8::1]:4711", b"2001:db8::1", b"[2001:db8::1]:4711, 192.0.2.7"),
        (b"203.0.113.9:80", b"203.0.113.9", b"203.0.113.9:80, 192.0.2.7"),
        (b"::ffff:203.0.113.9", b"203.0.113.9", b"::ffff:203.0.113.9, 192.0.2.7"),
        (b"", b"192.0.2.7", b"192.0.2.7"),
    ],
)
def test_a_trusted_peers_word(said: bytes, client: bytes, chain: bytes) -> None:
    seen = asked(b"X-Forwarded-For: %b\r\n" % said, trusted=True)
    assert (seen.header(b"x-real-ip"), seen.header(b"x-forwarded-for")) == (client, chain)


def test_a_trusted_peers_word_in_several_lines() -> None:
    seen = asked(b"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.9\r\n", trusted=True)
    assert seen.header(b"x-real-ip") == b"203.0.113.9"
    assert seen.header(b"x-forwarded-for") == b"6.6.6.6, 203.0.113.9, 192.0.2.7"


def test_a_trusted_peer_tells_scheme_host_and_port() -> None:
    more = b"X-Forwarded-Proto: HTTPS\r\nX-Forwarded-Host: public.example\r\nX-Forwarded-Port: 443\r\n"
    seen = asked(more, trusted=True)
    assert [seen.header(n) for n in OURS[1:4]] == [b"https", b"public.example", b"443"]
    seen = asked(b"X-Forwarded-Proto: gopher\r\nX-Forwarded-Host: a b<script>\r\nX-Forwarded-Port: x\r\n", trusted=True)
    assert [seen.header(n) for n in OURS[1:4]] == [b"http", b"a.example", b"9080"]


def test_x_real_ip_is_never_taken_from_anybody() -> None:
    assert asked(b"X-Real-IP: 6.6.6.6\r\n", trusted=True).header(b"x-real-ip") == b"192.0.2.7"


def test_a_chain_of_thousands_costs_little() -> None:
    seen = asked(b"X-Forwarded-For: %b\r\n" % b",".join([b"192.0.2.1"] * 3000), trusted=True)
    assert seen.header(b"x-real-ip") == b"192.0.2.1"


@pytest.mark.parametrize("said", [b"a", b"0-9.A_z", b"x" * 128])
def test_a_request_id_is_kept(said: bytes) -> None:
    assert asked(b"X-Request-Id: %b\r\n" % said).header(b"x-request-id") == said


@pytest.mark.parametrize("said", [b"", b"x" * 129, b"a b", b"a/b", b"<a>", b"\xe4", b"a;b", b"a,b", b'"a"'])
def test_a_bad_request_id_is_replaced(said: bytes) -> None:
    made = asked(b"X-Request-Id: %b\r\n" % said).header(b"x-request-id")
    assert made is not None and len(made) == 32 and int(made, 16) >= 0


TRACE = b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"


def test_a_trace_goes_on() -> None:
    assert asked(b"traceparent: %b\r\n" % TRACE).header(b"traceparent") == TRACE


@pytest.mark.parametrize(
    "said",
    [b"", TRACE[:-1], TRACE.upper(), b"ff" + TRACE[2:], TRACE.replace(b"a", b"0"), TRACE.replace(b"b", b"0"),
     TRACE + b"-x", TRACE + b"\r\ntraceparent: " + TRACE],
)  # fmt: skip
def test_a_bad_trace_begins_anew(said: bytes) -> None:
    made = asked(b"traceparent: %b\r\n" % said).header(b"traceparent")
    assert made is not None and made != TRACE and made.startswith(b"00-") and made.endswith(b"-00") and len(made) == 55


def test_a_trace_that_connection_names_begins_anew() -> None:
    seen = asked(b"Connection: traceparent, X-Request-Id, Cookie\r\nX-Request-Id: mine\r\nCookie: a=b\r\n"
                 b"traceparent: %b\r\n" % TRACE)  # fmt: skip
    assert TRACE not in (seen.header(b"traceparent") or b"") and seen.header(b"x-request-id") != b"mine"
    assert seen.header(b"cookie") is None


def test_the_authority_of_the_target_wins() -> None:
    rig = Rig(hosts=("a.example",)).send(b"GET http://a.example/x HTTP/1.1\r\nHost: b.example\r\n\r\n")
    seen = rig.seen[0]
    assert (seen.target, seen.header(b"host"), seen.header(b"x-forwarded-host")) == (b"/x", b"a.example", b"a.example")
    rig = Rig(hosts=("b.example",)).send(b"GET http://a.example/x HTTP/1.1\r\nHost: b.example\r\n\r\n")
    assert rig.statuses == [404]


def test_te_is_trailers_or_nothing() -> None:
    assert asked(b"TE: gzip, trailers;q=0.5\r\n").header(b"te") is None
    seen = asked(b"TE: gzip, trailers\r\nConnection: TE\r\n")
    assert (seen.header(b"te"), seen.header(b"connection")) == (b"trailers", b"TE")


def test_ordinary_fields_pass_as_they_came() -> None:
    seen = asked(b"X-A: 1\r\nx-a:2\r\nAccept: */*\r\nCookie: a=b\r\nCookie: c=d\r\nX-User: u\r\nUserId: 7\r\n")
    assert seen.header(b"x-a") == b"1|2" and seen.header(b"cookie") == b"a=b|c=d"
    assert (seen.header(b"accept"), seen.header(b"x-user"), seen.header(b"userid")) == (b"*/*", b"u", b"7")


def test_fields_that_connection_names_stay_behind() -> None:
    seen = asked(b"Connection: X-A, keep-alive, x-b\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\nX-AB: 4\r\n")
    assert [seen.header(name) for name in (b"x-a", b"x-b", b"x-c", b"x-ab")] == [None, None, b"3", b"4"]


# -- what errors look like


def refused(raw: bytes) -> Got:
    return Rig(hosts=("a.example",)).send(raw).answers()[0]


def test_an_error_tells_code_and_id() -> None:
    got = refused(b"GET / HTTP/1.1\r\nHost: b.example\r\nX-Request-Id: mine\r\n\r\n")
    assert got.status == 404 and got.headers[b"content-type"] == b"application/json"
    assert json.loads(got.body) == {
        "error_msg": "no matching route: b.example", "code": "no_route", "request_id": "mine"
    }  # fmt: skip
    assert got.headers[b"proxy-status"] == b"gwt; error=destination_not_found"


def test_an_error_shows_nothing_that_a_browser_runs() -> None:
    got = refused(b"GET /<script>\\ HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert got.status == 400 and b"<script>" not in got.body


@pytest.mark.parametrize("kind", [b"application/grpc", b"application/grpc+proto", b"application/grpc;x=y"])
def test_grpc_callers_are_told_in_their_way(kind: bytes) -> None:
    got = refused(b"POST /s/M HTTP/1.1\r\nHost: b.example\r\nContent-Type: %b\r\n\r\n" % kind)
    assert got.status == 200 and got.headers[b"grpc-status"] == b"12"
    assert got.headers[b"content-type"] == b"application/grpc" and got.body == b""
    assert got.headers[b"grpc-message"] == b"no matching route: b.example"


def test_others_are_not() -> None:
    for kind in (b"application/json", b"text/grpc", b"application/grpc-web", b"application/grpcx"):
        assert refused(b"POST / HTTP/1.1\r\nHost: b.example\r\nContent-Type: %b\r\n\r\n" % kind).status == 404
