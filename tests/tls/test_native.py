"""What Python's `ssl` does not offer, on connections in memory."""

from __future__ import annotations

import ssl

import pytest
from certificates import Authority
from tls.memory import Pipe

from gwt.tls import native
from gwt.tls.contexts import load_pair

pytestmark = pytest.mark.skipif(not native.AVAILABLE, reason="another ssl module than the one this is for")


def server(ca: Authority, keys: bytes | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = ca.pair("a.example.com")
    load_pair(context, pair.cert, pair.key)
    if keys is not None:
        native.set_ticket_keys(context, keys)
    return context


@pytest.mark.parametrize(("keys", "others", "resumed"), [(b"k", b"k", True), (b"k", b"l", False), (None, None, False)])
def test_whoever_has_the_same_keys_resumes(keys: bytes | None, others: bytes | None, resumed: bool) -> None:
    ca = Authority()
    client = ca.trusting()
    first = Pipe(server(ca, keys and keys * 80), client, "a.example.com").finish()
    second = Pipe(server(ca, others and others * 80), client, "a.example.com", session=first.client.session).finish()
    assert second.server.session_reused is second.client.session_reused is resumed


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_one_name_demands_a_certificate_and_gives_no_ticket(version: ssl.TLSVersion) -> None:
    ca = Authority()
    front = server(ca, b"k" * 80)
    front.load_verify_locations(cadata=ca.pem)
    front.maximum_version = version

    def named(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if name == "a.example.com":
            native.demand(connection, ssl.CERT_REQUIRED)

    front.sni_callback = named  # type: ignore[assignment]
    client = ca.trusting()
    with pytest.raises(ssl.SSLError):
        Pipe(front, client, "a.example.com").finish()
    client.check_hostname = False
    assert Pipe(front, client, "b.example.com").finish().client.session.has_ticket
    pair = ca.pair("client")
    load_pair(client, pair.cert, pair.key)
    pipe = Pipe(front, client, "a.example.com").finish()
    assert pipe.server.getpeercert(binary_form=True) == pair.der
    assert not (pipe.client.session and pipe.client.session.has_ticket)
