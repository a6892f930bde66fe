"""TlsFigures: what is measured of certificates and handshakes."""

from __future__ import annotations

from collections.abc import Callable

from gwt.keychains import Keychains
from gwt.metrics import Metrics

_ENDS = "gwt_tls_certificate_expiry_timestamp_seconds"

#: Certificates of which is told at a time, some 3 ms: where there are more news, the rest waits for the next time.
MOST = 200


class TlsFigures:
    """Read off `keychains`; `wall` gives seconds since the epoch."""

    def __init__(self, metrics: Metrics, keychains: Keychains, wall: Callable[[], float]) -> None:
        self._metrics, self._keychains, self._wall = metrics, keychains, wall
        gauge, counter = metrics.gauge, metrics.counter
        self._count = gauge("gwt_tls_certificates", "Certificates in force.", "max")
        self._problems = gauge("gwt_tls_certificate_problems", "Certificates that can't be used as they are.", "max")
        self._soonest = gauge(
            "gwt_tls_certificate_soonest_expiry_seconds", "Seconds until the first certificate expires; 0: none.", "min"
        )
        self._done = counter("gwt_tls_handshakes_total", "TLS handshakes with clients.")
        self._resumed = counter("gwt_tls_resumed_total", "TLS handshakes that resumed a session.")
        self._failed = counter("gwt_tls_handshakes_failed_total", "TLS handshakes with clients that failed.")
        self._told: dict[str, float] = {}

    def publish(self) -> None:
        """Once a second: costs what has changed."""
        certificates, tally = self._keychains.certificates, self._keychains.handshakes
        ends = {name: one.ends for name, one in certificates.items()}
        self._count.set(len(ends))
        self._problems.set(len(self._keychains.problems))
        self._soonest.set(int(min(ends.values()) - self._wall()) if ends else 0)
        for cell, value in ((self._done, tally.done), (self._resumed, tally.resumed), (self._failed, tally.failed)):
            cell.cells[cell.index] = value
        if ends != self._told:
            news = (name for name in (*ends, *self._told) if ends.get(name) != self._told.get(name))
            for name in list(dict.fromkeys(news))[:MOST]:
                self._tell(name, ends.get(name))

    def _tell(self, name: str, end: float | None) -> None:
        help = "When a certificate expires, in seconds since the epoch; 0: it is gone."
        self._metrics.gauge(_ENDS, help, "min", certificate=name).set(int(end or 0))
        if end is None:
            del self._told[name]
        else:
            self._told[name] = end
