"""Keychains: the certificates of all listeners of a process, from files and from the store, and where they are served.

Files are looked at again and again; what changed is served to the next handshake, and no connection notices. What can't
be used is told once, with its file and reason, and the last good one stays.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from gwt.model.certificate import ANY, Certificate
from gwt.model.configfile import Objection
from gwt.model.options import CertificateFiles, Tls
from gwt.pemfiles import Held, PemFiles, bundle, read_client_auth
from gwt.secure.accept import Secured, Tally
from gwt.secure.endpoint import TlsEndpoint
from gwt.tls.client import ClientContexts, Defaults
from gwt.tls.keychain import Keychain, Rules, protocols

NONE: Mapping[str, Certificate] = {}

#: Calls something that may block, in a thread.
InThread = Callable[[Callable[[], Any]], "Deferred[Any]"]


class TlsError(Exception):
    """TLS can't be served as it is configured; the text is one line for people."""


class Ring:
    """Certificates of files with the keychain that serves them, and those of the store where `shares` says so."""

    def __init__(self, files: PemFiles, keychain: Keychain, shares: bool) -> None:
        self.files, self.keychain, self.shares = files, keychain, shares
        self.told: dict[str, str] = {}
        self.held = files.held

    def serve(self, held: Held, stored: Mapping[str, Certificate], now: float) -> dict[str, str]:
        """Put what is there in force; what is wrong with it, by file or name."""
        self.held = held
        wanted = {**held.certificates, **(stored if self.shares else NONE)}
        return {**held.problems, **self.keychain.follow(wanted, now)}


class Keychains:
    """`alpn` is what listeners offer, `secret` seals all workers' tickets, `wall` gives seconds since the epoch."""

    log = Logger("gwt.tls")

    def __init__(self, tls: Tls, base: Path, alpn: list[bytes], secret: bytes, wall: Callable[[], float]) -> None:
        """Raises TlsError."""
        self._alpn, self._secret, self._wall = alpn, secret, wall
        self._stored: Mapping[str, Certificate] = NONE
        self._own: dict[tuple[str, str], Ring] = {}
        self._secured: WeakKeyDictionary[Secured, TlsEndpoint] = WeakKeyDictionary()
        self.handshakes = Tally()
        self._looking = False
        self._weak: set[Certificate] = set()
        #: Called when other certificates are in force, or other names demand some of clients.
        self.changed: Callable[[], None] = lambda: None
        self._tls, self._base = tls, base
        self.outward = ClientContexts()
        self._main = self._ring(PemFiles(base, tls.certificates, tls.directory), True)
        self._take_upstream()
        self._serve(self._main)
        self._introduce()

    # -- for listeners

    def secured(self, endpoint: TlsEndpoint, factory: Any) -> Secured:
        """`factory` behind TLS, with the endpoint's own certificate or with all of them. Raises TlsError."""
        secured = Secured(factory, self._of(endpoint).keychain, self._tls.handshake_timeout, self.handshakes)
        self._secured[secured] = endpoint
        return secured

    def _of(self, endpoint: TlsEndpoint) -> Ring:
        if endpoint.cert is None:
            return self._main
        place = endpoint.cert, endpoint.key or endpoint.cert
        ring = self._own.get(place)
        if ring is None:
            ring = self._own[place] = self._ring_of(*place)
        return ring

    def _ring_of(self, cert: str, key: str) -> Ring:
        files = _own(cert, key)
        ring = self._ring(files, False)
        self._serve(ring)
        if not ring.keychain.certificates:
            raise TlsError("; ".join(f"{name}: {reason}" for name, reason in ring.told.items()))
        return ring

    def _ring(self, files: PemFiles, shares: bool) -> Ring:
        tls = self._tls
        try:
            client_auth = read_client_auth(self._base, tls.client_auth)
            rules = Rules(
                tls.min_version, tls.ciphers, protocols(self._alpn), client_auth, tls.unknown_names == "reject",
                self._secret,
            )  # fmt: skip
            keychain = Keychain(rules, self._wall())
        except (ValueError, ssl.SSLError) as error:
            raise TlsError(f"tls: {error}") from None
        keychain.refused = self._refused
        return Ring(files, keychain, shares)

    def _refused(self, certificate: Certificate, error: Exception) -> None:
        """Told once for each certificate: every handshake for its names fails."""
        if certificate not in self._weak:
            self._weak.add(certificate)
            names = ", ".join(certificate.names[:3])
            self.log.error("the certificate for {names} can't be served: {error}", names=names, error=error)

    # -- what changes

    def reconfigure(self, tls: Tls, base: Path) -> Callable[[], None]:
        """Other settings; returns what brings those before back. Raises TlsError, and leaves all as it was.

        Connections keep what they have begun with.
        """
        before = self._tls, self._base, self._main, self._own, self._shown, self._believed
        last = self._main
        self._tls, self._base, self._own = tls, base, {}
        try:
            self._take_upstream()
            self._main = self._ring(PemFiles(base, tls.certificates, tls.directory, last.files.held), True)
            self._main.keychain.follow(last.keychain.certificates, self._wall())
            self._serve(self._main)
            for endpoint in self._secured.values():
                self._of(endpoint)
        except TlsError:
            self._restore(before)
            raise
        self._point()
        return lambda: self._restore(before)

    def _restore(self, before: tuple[Any, ...]) -> None:
        self._tls, self._base, self._main, self._own, self._shown, self._believed = before
        self._point()
        self.changed()

    def _point(self) -> None:
        self._introduce()
        for secured, endpoint in self._secured.items():
            secured.keychain, secured.timeout = self._of(endpoint).keychain, self._tls.handshake_timeout

    def _take_upstream(self) -> None:
        """Read what holds for connections to upstreams. Raises TlsError."""
        upstream = self._tls.upstream
        try:
            self._believed = None if upstream.ca is None else bundle(self._base, upstream.ca)
        except ValueError as error:
            raise TlsError(f"tls.upstream.ca: {error}") from None
        self._shown = _shown(self._tls, self._base)
        for name, reason in self._shown.look().problems.items():
            raise TlsError(f"tls.upstream: {name}: {reason}")

    def _introduce(self) -> None:
        """Tell those who connect to upstreams whom to believe and what to show."""
        own = next(iter(self._shown.held.certificates.values()), None)
        self.outward.configure(Defaults(self._tls.upstream.verify, self._believed, own))

    def follow(self, stored: Mapping[str, Certificate]) -> None:
        """These are the store's."""
        if stored is not self._stored:
            self._stored = stored
            self.outward.follow(stored)
            self._put(self._main, self._main.files.held)

    def look(self, in_thread: InThread) -> None:
        """Look at the files, beside the traffic; not twice at once."""
        rings = [ring for ring in self._rings() if ring.files.wanted]
        shown = self._shown
        if (rings or shown.wanted) and not self._looking:
            self._looking = True
            in_thread(lambda: (shown.look(), [ring.files.look() for ring in rings])).addCallbacks(
                lambda found: self._looked(rings, found[1]), self._failed
            )

    def _looked(self, rings: list[Ring], held: list[Held]) -> None:
        self._looking = False
        self._introduce()
        for ring, found in zip(rings, held, strict=True):
            if found is not ring.held:
                self._put(ring, found)

    def _failed(self, failure: Any) -> None:
        self._looking = False
        self.log.failure("certificates could not be looked at", failure)

    def _serve(self, ring: Ring) -> None:
        self._put(ring, ring.files.look())

    def _put(self, ring: Ring, held: Held) -> None:
        problems = ring.serve(held, self._stored, self._wall())
        for where, reason in problems.items():
            if ring.told.get(where) != reason:
                self.log.error("certificate {where}: {reason}", where=where, reason=reason)
        ring.told = problems
        self.changed()

    def tick(self) -> None:
        """Once a second or so."""
        now = self._wall()
        for ring in self._rings():
            ring.keychain.tick(now)

    def _rings(self) -> list[Ring]:
        return [self._main, *self._own.values()]

    # -- for those who ask

    @property
    def demanding(self) -> bool:
        """Whether any name asks its clients for a certificate."""
        return self._main.keychain.demanding

    @property
    def main(self) -> Keychain:
        """What serves the names of gateway.yaml and of the store."""
        return self._main.keychain

    @property
    def problems(self) -> Mapping[str, str]:
        """What is wrong, by file or name."""
        return {where: reason for ring in self._rings() for where, reason in ring.told.items()}

    @property
    def certificates(self) -> Mapping[str, Certificate]:
        """What is in force, by file or name."""
        return {name: one for ring in self._rings() for name, one in ring.keychain.certificates.items()}


def _own(cert: str, key: str) -> PemFiles:
    """The certificate of an endpoint string: like any path there, relative to where the process was started."""
    return PemFiles(Path(), (CertificateFiles(cert, key, (ANY,)),), None)


def own_certificate(endpoint: TlsEndpoint) -> None:
    """ValueError where the endpoint's own certificate can't be used."""
    for name, reason in _own(endpoint.cert or "", endpoint.key or "").look().problems.items():
        raise ValueError(f"{name}: {reason}")


def _shown(tls: Tls, base: Path) -> PemFiles:
    """What is shown to upstreams."""
    cert, key = tls.upstream.cert, tls.upstream.key
    listed = () if cert is None or key is None else (CertificateFiles(cert, key),)
    return PemFiles(base, listed, None)


def objections(tls: Tls, base: Path) -> list[Objection]:
    """What keeps the listed files of gateway.yaml from being used, for a start that had better not happen."""
    held = PemFiles(base, tls.certificates, None).look()
    places = {files.cert: index for index, files in reversed(list(enumerate(tls.certificates)))}
    found = [
        Objection(("tls", "certificates", places[name]), f"tls.certificates: {name}: {reason}")
        for name, reason in held.problems.items()
    ]
    try:
        read_client_auth(base, tls.client_auth)
    except ValueError as error:
        found.append(Objection(("tls", "client_auth"), f"tls.client_auth: {error}"))
    return [*found, *_objections_upstream(tls, base)]


def _objections_upstream(tls: Tls, base: Path) -> Iterator[Objection]:
    try:
        if tls.upstream.ca is not None:
            bundle(base, tls.upstream.ca)
    except ValueError as error:
        yield Objection(("tls", "upstream", "ca"), f"tls.upstream.ca: {error}")
    for name, reason in _shown(tls, base).look().problems.items():
        yield Objection(("tls", "upstream", "cert"), f"tls.upstream: {name}: {reason}")
