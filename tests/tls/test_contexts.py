"""Contexts that take certificates from memory and speak what is sound."""

from __future__ import annotations

import os
import ssl
import tempfile

import pytest
from certificates import Authority
from descriptors import opened
from tls.memory import Pipe

from gwt.tls.contexts import harden, load_pair


@pytest.mark.parametrize("memory", [True, False])
def test_a_pair_is_taken_from_text(memory: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not memory:
        monkeypatch.delattr(os, "memfd_create")
    kind = "/memfd:pem" if memory else tempfile.gettempdir()
    ca, before = Authority(), opened(kind)
    pair = ca.pair("a.example.com")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_pair(context, pair.cert, pair.key)
    assert Pipe(context, ca.trusting(), "a.example.com").finish().client.getpeercert(True) == pair.der
    assert opened(kind) <= before


def test_what_is_spoken() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    harden(context, "1.2", None, ("http/1.1",))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert all("GCM" in one["name"] or "CHACHA20" in one["name"] for one in context.get_ciphers())
    assert context.options & ssl.OP_NO_RENEGOTIATION
    harden(context, "1.3", "ECDHE+AESGCM", ())
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    with pytest.raises(ssl.SSLError):
        harden(context, "1.2", "NOTHING", ())
