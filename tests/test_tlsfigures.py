"""What is measured of certificates and handshakes."""

from __future__ import annotations

from pathlib import Path

from certificates import Authority

from gwt.keychains import Keychains
from gwt.metrics import Metrics, exposition
from gwt.model.certificate import read_certificate
from gwt.model.options import Tls
from gwt.tlsfigures import MOST, TlsFigures


def test_figures_follow_what_is_in_force() -> None:
    metrics, ca = Metrics.private(), Authority()
    keychains = Keychains(Tls(), Path(), [], b"", lambda: 0.0)
    figures = TlsFigures(metrics, keychains, lambda: 0.0)
    pair = ca.pair("a.x")
    one = read_certificate(pair.cert, pair.key)
    keychains.follow({"a": one})
    keychains.handshakes.done = 3
    figures.publish()
    text = exposition(metrics)
    assert f'gwt_tls_certificate_expiry_timestamp_seconds{{certificate="a"}} {int(one.ends)}' in text
    assert "gwt_tls_certificates 1\n" in text
    assert f"gwt_tls_certificate_soonest_expiry_seconds {int(one.ends)}" in text
    assert "gwt_tls_handshakes_total 3" in text
    keychains.follow({})
    figures.publish()
    text = exposition(metrics)
    assert 'gwt_tls_certificate_expiry_timestamp_seconds{certificate="a"} 0' in text
    assert "gwt_tls_certificate_soonest_expiry_seconds 0" in text


def test_of_many_news_some_wait_for_the_next_second() -> None:
    metrics, ca = Metrics.private(), Authority()
    keychains = Keychains(Tls(), Path(), [], b"", lambda: 0.0)
    figures = TlsFigures(metrics, keychains, lambda: 0.0)
    pair = ca.pair("a.x")
    one = read_certificate(pair.cert, pair.key)
    for stored in ({f"c{number}": one for number in range(2 * MOST + 1)}, {}):
        keychains.follow(stored)
        for told in (MOST, 2 * MOST, 2 * MOST + 1):
            figures.publish()
            lines = [line for line in exposition(metrics).splitlines() if line.startswith("gwt_tls_certificate_expiry")]
            assert sum(line.endswith(f" {int(one.ends) if stored else 0}") for line in lines) == told
