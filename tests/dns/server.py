"""A DNS server for tests: real UDP and TCP on loopback, in threads, and whatever real ones do wrong.

    with DnsServer({"api.example.com": ["192.0.2.1"]}) as dns:
        dns.says["api.example.com"] = "SERVFAIL"

Messages are twisted.names' own, so that two implementations meet.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from twisted.names import dns

CODES = {"NXDOMAIN": dns.ENAME, "SERVFAIL": dns.ESERVER, "REFUSED": dns.EREFUSED}

#: Addresses; a CNAME as `=target`; or NXDOMAIN, SERVFAIL, REFUSED, nothing, garbage, truncated, another (question).
Says = Sequence[str] | str


def both() -> tuple[socket.socket, socket.socket]:
    """Sockets for TCP and UDP on one port that is free in both."""
    while True:
        tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(tcp.getsockname())
            return tcp, udp
        except OSError:
            tcp.close()
            udp.close()


class DnsServer:
    """`says` by name; a name that is not there is NXDOMAIN. `ttl` of all records; `asked` are (name, type, udp or tcp).

    `client` is who asked last over UDP; `chains`: an answer tells what it knows of a CNAME's target too. Over UDP
    answers of more than 512 bytes are truncated, as they are on the network.
    """

    def __init__(self, says: Mapping[str, Says] | None = None, ttl: int = 0) -> None:
        self.says: dict[str, Says] = dict(says or {})
        self.ttl = ttl
        self.asked: list[tuple[str, int, str]] = []
        self.client: Any = None
        self.chains = True
        self._tcp, self._udp = both()
        self.port = int(self._tcp.getsockname()[1])

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> DnsServer:
        for serve in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._udp, self._tcp):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # wakes whoever waits
            one.close()

    def _serve_udp(self) -> None:
        with suppress(OSError):
            while True:
                data, self.client = self._udp.recvfrom(4096)
                if not data:
                    return  # woken
                for answer in self.answers(data, "udp"):
                    self._udp.sendto(answer, self.client)

    def _serve_tcp(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._tcp.accept()
                with connection, suppress(OSError):
                    connection.settimeout(5)
                    length = int.from_bytes(connection.recv(2, socket.MSG_WAITALL))
                    data = connection.recv(length, socket.MSG_WAITALL)
                    for answer in self.answers(data, "tcp") if data else ():
                        connection.sendall(len(answer).to_bytes(2) + answer)

    def answers(self, data: bytes, over: str) -> list[bytes]:
        """What comes back."""
        query = dns.Message()
        query.fromStr(data)
        name, kind = query.queries[0].name.name.decode(), query.queries[0].type
        self.asked.append((name, kind, over))
        says = self.says.get(name, "NXDOMAIN")
        if says == "nothing":
            return []
        if says == "garbage":
            return [data[:2] + b"\x81\x80" + b"\xff" * 20]
        reply = dns.Message(query.id, answer=1, recDes=1, recAv=1, maxSize=512 if over == "udp" else 65535)
        reply.queries = query.queries
        if says == "another":
            reply.queries = [dns.Query(b"other.example.com", kind)]
        elif says == "truncated":
            reply.trunc = 1
        elif isinstance(says, str):
            reply.rCode = CODES[says]
        else:
            reply.answers = [one for text in says for one in self._records(name, text, kind)]
        return [reply.toStr()]

    def _records(self, name: str, text: str, kind: int) -> list[Any]:
        """The record that a text stands for, and for a CNAME those of its target, where they are known here."""
        if text.startswith("="):
            target = text[1:]
            alias = dns.RRHeader(name, dns.CNAME, ttl=self.ttl, payload=dns.Record_CNAME(target, self.ttl))
            further = self.says.get(target, ()) if self.chains else ()
            known = () if isinstance(further, str) else further
            return [alias, *(one for text in known for one in self._records(target, text, kind))]
        type_ = dns.AAAA if ":" in text else dns.A
        if type_ != kind:
            return []
        payload = (dns.Record_AAAA if type_ == dns.AAAA else dns.Record_A)(text, self.ttl)
        return [dns.RRHeader(name, type_, ttl=self.ttl, payload=payload)]
