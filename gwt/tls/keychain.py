"""Keychain: the certificates of a listener, each found by the name that a client asks for, and swapped while it serves.

Every connection begins in one context, the front, whose callback gives it that of the name. Contexts are made when
their name is first asked for: a thousand certificates cost a thousand small values. What a handshake has begun with
it ends with, whatever is swapped meanwhile.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gwt.model.certificate import Certificate, ClientAuth
from gwt.tls import native
from gwt.tls.contexts import harden, load_pair
from gwt.tls.names import Names

#: Seconds after which tickets are sealed with other keys; a ticket is good for two hours at the most.
TICKET_PERIOD = 12 * 3600.0

MODES = {"optional": ssl.CERT_OPTIONAL, "require": ssl.CERT_REQUIRED}


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for all names of a listener. `alpn`: what is spoken there, best first; `secret`: what tickets are
    sealed with, known to all workers. `reject_unknown`: a name that no certificate bears ends the handshake.
    """

    min_version: str = "1.2"
    ciphers: str | None = None
    alpn: tuple[str, ...] = ("http/1.1",)
    client_auth: ClientAuth | None = None
    reject_unknown: bool = False
    secret: bytes = b""


class Holder(ssl.SSLContext):
    """A context that knows whose it is. `demand`: what is asked of clients, None where nothing is."""

    demand: ClientAuth | None = None


class Entry:
    """A certificate in force."""

    __slots__ = ("_holder", "certificate", "demand")

    def __init__(self, certificate: Certificate, demand: ClientAuth | None) -> None:
        self.certificate, self.demand = certificate, demand
        self._holder: Holder | None = None

    def holder(self, rules: Rules) -> Holder:
        """Its context, made when it is first asked for."""
        if self._holder is None:
            holder = Holder(ssl.PROTOCOL_TLS_SERVER)
            harden(holder, rules.min_version, rules.ciphers, rules.alpn)
            load_pair(holder, self.certificate.chain, self.certificate.key)
            if self.demand is not None:
                holder.load_verify_locations(cadata=self.demand.ca)
                holder.verify_mode = MODES[self.demand.mode]  # without it the peer's names are not told
                holder.demand = self.demand
            self._holder = holder
        return self._holder


_UNABLE: Final = "this Python's ssl can't ask for client certificates by name"


class Keychain:
    """Certificates by the names of those who hold them; `front` is the context for a listener's connections.

    `demanding`: some name asks its clients for a certificate. `refused` hears of what OpenSSL does not take.
    """

    def __init__(self, rules: Rules, now: float) -> None:
        """ssl.SSLError where OpenSSL knows none of the ciphers; ValueError where client certificates can't be asked
        for. `now`: seconds since the epoch."""
        self.rules = rules
        self.front = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        harden(self.front, rules.min_version, rules.ciphers, rules.alpn)
        self.front.sni_callback = self._named
        self._entries: dict[str, Entry] = {}
        self._names: Names[Entry] = Names()
        self._sealed: tuple[int, frozenset[ClientAuth]] | None = None
        self.demanding = False
        self.refused: Callable[[Certificate, Exception], None] = lambda certificate, error: None
        self._check(rules.client_auth)
        self._seal(now)

    # -- for those who have certificates

    def follow(self, certificates: Mapping[str, Certificate], now: float) -> dict[str, str]:
        """These are in force from now on, in their order: of two for one name the first. Returns what is wrong.

        One that has expired does not take the place of one that has not.
        """
        problems: dict[str, str] = {}
        entries: dict[str, Entry] = {}
        for holder, certificate in certificates.items():
            before = self._entries.get(holder)
            if certificate.ends <= now:
                problems[holder] = "the certificate has expired"
                if before is not None and before.certificate.ends > now:
                    problems[holder] += "; the one before it stays in force"
                    entries[holder] = before
                    continue
            if before is not None and before.certificate == certificate:
                entries[holder] = before
            else:
                entries[holder] = Entry(certificate, certificate.client_auth or self.rules.client_auth)
            if entries[holder].demand is not None and not native.AVAILABLE:
                problems[holder] = f"{_UNABLE}: handshakes for its names fail"
        self._entries = entries
        self._names = Names((entry.certificate.names, entry) for entry in entries.values())
        if self._names.default is None:
            self._names.default = next(iter(entries.values()), None)
        self.demanding = any(entry.demand is not None for entry in entries.values())
        self._seal(now)
        return problems

    def tick(self, now: float) -> None:
        """Look whether tickets are to be sealed anew."""
        if self._sealed is not None and self._sealed[0] != int(now / TICKET_PERIOD):
            self._seal(now)

    @property
    def certificates(self) -> Mapping[str, Certificate]:
        """What is in force, by holder."""
        return {holder: entry.certificate for holder, entry in self._entries.items()}

    # -- for requests

    def demand(self, name: str) -> ClientAuth | None:
        """What clients of this host name have to show, None for nothing."""
        entry = self._names.find(name)
        return None if entry is None else entry.demand

    # -- for handshakes

    def _named(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        entry = self._names.find(name) if not self.rules.reject_unknown else self._names.known(name or "")
        if entry is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        if entry.demand is not None and not native.AVAILABLE:
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR  # what can't be demanded is not served without
        try:
            connection.context = entry.holder(self.rules)
        except (ssl.SSLError, OSError) as error:  # OpenSSL knows better than we do what is too weak, say
            self.refused(entry.certificate, error)
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        if entry.demand is not None:
            native.demand(connection, MODES[entry.demand.mode])
        return None

    def _check(self, demand: ClientAuth | None) -> None:
        if demand is not None and not native.AVAILABLE:
            raise ValueError(_UNABLE)

    def _seal(self, now: float) -> None:
        """Tickets of other times, and of other demands, are not good any more."""
        demands = frozenset(entry.demand for entry in self._entries.values() if entry.demand is not None)
        wanted = int(now / TICKET_PERIOD), demands
        if wanted != self._sealed and native.AVAILABLE:
            self._sealed = wanted
            said = "\0".join(sorted(f"{one.mode} {one.ca}" for one in demands))
            seed = b"%b\0%d\0%b" % (self.rules.secret, wanted[0], said.encode())
            native.set_ticket_keys(self.front, hashlib.shake_256(seed).digest(native.TICKET_KEYS))


def admitted(connection: ssl.SSLObject) -> bool:
    """Whether a finished handshake has shown what its name demands: nothing else is to be believed of it.

    A resumed session was begun under another name, whose authorities may be others (as in CVE-2025-23419).
    """
    demand = getattr(connection.context, "demand", None)
    if demand is None:
        return True
    if connection.session_reused:
        return False
    return demand.mode != "require" or bool(connection.getpeercert(binary_form=True))


def protocols(offered: Sequence[bytes]) -> tuple[str, ...]:
    """What a factory offers by ALPN, as `ssl` wants it."""
    return tuple(name.decode("ascii") for name in offered)
