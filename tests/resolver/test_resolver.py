"""The Resolver against a DNS server on loopback that does whatever real ones do."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any

from dns.server import DnsServer, Says
from twisted.internet import reactor
from twisted.internet.defer import FirstError
from twisted.trial.unittest import TestCase

from gwt.dns.message import AAAA, EMPTY, FAILED, FOUND, MISSING, A, Answer
from gwt.dns.system import NONE_GIVEN, server_of
from gwt.resolver.resolver import ALIASES, HOSTS_TTL, Resolver, has_route_to

NAME = "a.example.com"
SOON = 0.3


def silent() -> Any:
    """A socket that hears and says nothing."""
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("127.0.0.1", 0))
    return one


class ResolverTests(TestCase):
    timeout = 60

    def server(self, says: Says | None = None, **more: Any) -> DnsServer:
        server = DnsServer({} if says is None else {NAME: says}, **more)
        server.__enter__()
        self.addCleanup(server.__exit__)
        return server

    def resolver(self, *servers: DnsServer | str, patience: float = 10.0, route: bool = True) -> Resolver:
        addresses = [server_of(one if isinstance(one, str) else one.address) for one in servers]
        return Resolver(reactor, addresses, patience=patience, has_route=lambda address: route)

    async def asked(self, says: Says, patience: float = 10.0, **more: Any) -> tuple[Answer, Answer]:
        found = await self.resolver(self.server(says, **more), patience=patience).lookup(NAME)
        return found[A], found[AAAA]

    async def test_both_kinds(self) -> None:
        found = await self.asked(["192.0.2.1", "192.0.2.2", "2001:db8::1"], ttl=77)
        assert found == (Answer(FOUND, ("192.0.2.1", "192.0.2.2"), 77), Answer(FOUND, ("2001:db8::1",), 77))

    async def test_ipv6_where_nothing_leads_there(self) -> None:
        server = self.server(["192.0.2.1", "2001:db8::1"])
        resolver = self.resolver(server, route=False)
        found = await resolver.lookup(NAME)
        assert (found[A].addresses, found[AAAA].addresses) == (("192.0.2.1",), ())
        server.says[NAME] = ["2001:db8::1"]
        assert (await resolver.lookup(NAME))[AAAA].addresses == ("2001:db8::1",)
        assert not has_route_to("nonsense")

    async def test_a_ttl_of_nothing(self) -> None:
        found, none = await self.asked(["192.0.2.1"], ttl=0)
        assert (found, none.outcome) == (Answer(FOUND, ("192.0.2.1",), 0), EMPTY)

    async def test_a_name_that_is_not_there(self) -> None:
        for one in await self.asked("NXDOMAIN"):
            assert one.outcome == MISSING and "NXDOMAIN" in one.why

    async def test_failures_say_who_and_why(self) -> None:
        for says in ("SERVFAIL", "REFUSED"):
            for one in await self.asked(says):
                assert one == Answer(FAILED, why=f"127.0.0.1: {says}")
        for one in await self.asked("garbage"):
            assert one.outcome == FAILED and "can't be read" in one.why

    async def test_no_answer_and_answers_to_other_questions(self) -> None:
        for says in ("nothing", "another"):
            for one in await self.asked(says, patience=SOON):
                assert one == Answer(FAILED, why="127.0.0.1: no answer within 0.3 s")

    async def test_a_thousand_records_come_over_tcp(self) -> None:
        many = [f"10.1.{n // 250}.{n % 250}" for n in range(1000)]
        server = self.server(many)
        found = await self.resolver(server).lookup(NAME)
        assert found[A].addresses == tuple(many)
        assert (NAME, A, "tcp") in server.asked

    async def test_what_is_truncated_over_tcp_too(self) -> None:
        for one in await self.asked("truncated"):
            assert one.outcome == FAILED and "truncated" in one.why

    async def test_a_truncated_answer_and_nobody_there_over_tcp(self) -> None:
        server = self.server("truncated")
        server._tcp.shutdown(socket.SHUT_RDWR)
        server._tcp.close()
        for one in (await self.resolver(server).lookup(NAME)).values():
            assert one.outcome == FAILED and "no connection" in one.why

    async def test_tcp_that_hangs_or_closes(self) -> None:
        for closes, why in ((True, "closed"), (False, "within")):
            server = self.server("truncated")

            def deaf(data: bytes, over: str, server: DnsServer = server, closes: bool = closes) -> list[bytes]:
                if over == "udp":
                    return DnsServer.answers(server, data, over)
                if not closes:
                    threading.Event().wait(2 * SOON)
                return []

            server.answers = deaf  # type: ignore[method-assign]
            for one in (await self.resolver(server, patience=SOON if not closes else 10.0).lookup(NAME)).values():
                assert one.outcome == FAILED and why in one.why, one

    async def test_cnames_are_followed_within_an_answer_and_beyond(self) -> None:
        server = self.server(["=b.example.com"], ttl=50)
        server.says |= {"b.example.com": ["=c.example.com"], "c.example.com": ["192.0.2.3"]}
        resolver = self.resolver(server)
        assert (await resolver.lookup(NAME))[A] == Answer(FOUND, ("192.0.2.3",), 50)
        for number in range(ALIASES + 1):
            server.says[f"n{number}.example.com"] = [f"=n{number + 1}.example.com"]
        server.chains = False
        assert (await resolver.lookup(NAME))[A] == Answer(FOUND, ("192.0.2.3",), 50)
        assert (await resolver.lookup("n0.example.com"))[A].why == f"more than {ALIASES} CNAMEs in a row"
        server.says["loop.example.com"] = ["=loop.example.com"]
        assert "circle" in (await resolver.lookup("loop.example.com"))[A].why

    async def test_the_next_server_is_asked_where_one_fails(self) -> None:
        good, bad = self.server(["192.0.2.1"]), self.server("SERVFAIL")
        nobody = silent()
        self.addCleanup(nobody.close)
        refuses = f"127.0.0.1:{nobody.getsockname()[1]}"
        nobody.connect(("127.0.0.1", 1))  # from now on the kernel refuses everybody else, and nobody gets the port
        assert (await self.resolver(refuses, bad, good).lookup(NAME))[A].addresses == ("192.0.2.1",)
        assert len(bad.asked) == len(good.asked) == 2
        found = (await self.resolver(refuses).lookup(NAME))[A]
        assert found == Answer(FAILED, why="127.0.0.1: nobody listens there")

    async def test_the_next_server_is_asked_where_one_says_nothing(self) -> None:
        good, deaf = self.server(["192.0.2.1"]), silent()
        self.addCleanup(deaf.close)
        resolver = self.resolver(f"127.0.0.1:{deaf.getsockname()[1]}", good, patience=1.0)
        assert (await resolver.lookup(NAME))[A].addresses == ("192.0.2.1",)

    async def test_a_certain_answer_is_the_last_word(self) -> None:
        first, second = self.server("NXDOMAIN"), self.server(["192.0.2.1"])
        assert (await self.resolver(first, second).lookup(NAME))[A].outcome == MISSING
        assert second.asked == []

    async def test_who_sends_from_elsewhere_is_not_heard(self) -> None:
        """An answer with the right number, by somebody else than who was asked."""
        server, other = self.server("SERVFAIL"), silent()
        self.addCleanup(other.close)
        liar = DnsServer({NAME: ["192.0.2.66"]})
        liar.__exit__()

        def spoof(data: bytes, over: str) -> list[bytes]:
            other.sendto(liar.answers(data, over)[0], server.client)
            return DnsServer.answers(server, data, over)

        server.answers = spoof  # type: ignore[method-assign]
        assert (await self.resolver(server).lookup(NAME))[A].outcome == FAILED

    async def test_this_machine_s_files(self) -> None:
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        conf, hosts = folder / "resolv.conf", folder / "hosts"
        hosts.write_text("192.0.2.9 own.example.com\n")
        conf.write_text("nameserver 10.0.0.10\n")
        resolver = Resolver(reactor, (), str(conf), str(hosts))
        found = await resolver.lookup("own.example.com")
        assert found[A] == Answer(FOUND, ("192.0.2.9",), HOSTS_TTL) and found[AAAA].outcome == EMPTY
        assert resolver._servers() == (("10.0.0.10", 53),)
        hosts.write_text("192.0.2.9 own.example.com\n2001:db8::1 own.example.com\n")
        assert (await resolver.lookup("own.example.com"))[AAAA].addresses == ("2001:db8::1",)
        before = hosts.stat()
        hosts.write_text("192.0.2.8 own.example.com\n2001:db8::1 own.example.com\n")
        os.utime(hosts, ns=(before.st_atime_ns, before.st_mtime_ns))  # within one tick of the file system's clock
        assert (await resolver.lookup("own.example.com"))[A].addresses == ("192.0.2.8",)
        conf.unlink()
        hosts.unlink()
        assert (resolver._servers(), resolver._hosts()) == (NONE_GIVEN, {})

    async def test_to_cancel_it_ends_the_questions(self) -> None:
        asked = self.resolver(self.server("nothing")).lookup(NAME)
        asked.cancel()
        await self.assertFailure(asked, FirstError)  # trial sees to it that no socket is left
