"""Run a part of Twisted's own test-suite on `UVLoopReactor`, in a process of its own.

`python twisted_suite.py MODULE...` prints one JSON object: the names of the tests that passed, were
skipped (with the reason), failed (with the traceback) and were left out by the table below.
The reactor under test is both the one that `ReactorBuilder` tests build for themselves and the
one on which trial runs everything else.
"""

from __future__ import annotations

import errno
import faulthandler
import json
import random
import socket
import sys
import tempfile
import unittest
from collections.abc import Iterator
from typing import Any

#: Seconds after which all is given up; a test that builds its own reactor is by Twisted, after two minutes.
ALL_TESTS = 240
#: Below those that Linux takes by itself (net.ipv4.ip_local_port_range), above those that services have.
PORTS = range(20000, 32768)

_KERNEL_FIRST = (
    "expects a producer to be paused by 1,000 bytes that the kernel takes at once: only what the kernel "
    "refuses is buffered here. test_pressure has the producer's pause and resume with a peer that is slow"
)
_OTHER_USER = "runs the interpreter as another user, who may not be allowed to read it: fails alike on every reactor"
_ANCILLARY = (
    "wants a log line for a descriptor that came unasked: uvloop reads without ancillary data, so the kernel "
    "closes it before anybody sees it. test_unix shows that nothing leaks"
)
_INTERNALS = "looks at the list in which Twisted's transport keeps its bytes; test_half_close has what it is about"
_NAGLE = "expects Nagle's algorithm to be on at first: it is off here, as on every uvloop connection"

#: (test class without the reactor's name, method) -> why it is not run.
LEFT_OUT: dict[tuple[str, str], str] = {
    ("TCPTransportTestsBuilder", "test_streamingProducer"): _KERNEL_FIRST,
    ("AdoptStreamConnectionTestsBuilder", "test_streamingProducer"): _KERNEL_FIRST,
    ("UNIXAdoptStreamConnectionTestsBuilder", "test_streamingProducer"): _KERNEL_FIRST,
    ("UNIXTestsBuilder", "test_avoidLeakingFileDescriptors"): _ANCILLARY,
    ("HalfCloseTests", "testCloseWriteCloser"): _INTERNALS,
    ("LoopbackTests", "test_tcpNoDelay"): _NAGLE,
    ("ProcessTestsBuilder", "test_changeUID"): _OTHER_USER,
    ("PTYProcessTestsBuilder", "test_changeUID"): _OTHER_USER,
}


def short_name(test: unittest.TestCase) -> tuple[str, str]:
    """The name of a test without its module and the reactor."""
    return type(test).__name__.removesuffix("_UVLoopReactorTests"), test.id().rpartition(".")[2]


class Tally(unittest.TestResult):
    """What came of each test."""

    def __init__(self) -> None:
        super().__init__()
        self.outcome: dict[str, dict[str, str]] = {"passed": {}, "skipped": {}, "failed": {}, "left_out": {}}
        self.known: dict[str, str] = {}

    def addSuccess(self, test: Any) -> None:
        if test.id() not in self.outcome["failed"]:
            self.outcome["passed"][test.id()] = ""

    def addSkip(self, test: Any, reason: Any) -> None:
        self.outcome["skipped"][test.id()] = str(reason)

    def addError(self, test: Any, err: Any) -> None:
        trouble = err.getTraceback() if hasattr(err, "getTraceback") else str(err[1])
        self.outcome["passed"].pop(test.id(), None)
        self.outcome["failed"][test.id()] = self.outcome["failed"].get(test.id(), "") + trouble

    addFailure = addError  # type: ignore[assignment]

    def addExpectedFailure(self, test: Any, err: Any, todo: object = None) -> None:
        self.addSuccess(test)

    def addUnexpectedSuccess(self, test: Any, todo: object = None) -> None:
        self.addSuccess(test)


def cases(suite: Any) -> Iterator[Any]:
    """Every test case in a suite of suites."""
    for item in suite:
        if isinstance(item, unittest.TestCase) or not hasattr(item, "__iter__"):
            yield item
        else:
            yield from cases(item)


def port_of_nobody(
    interface: str = "127.0.0.1", family: int = socket.AF_INET, type: int = socket.SOCK_STREAM
) -> tuple[str, int]:
    """Twisted's `findFreePort`, with a port that the kernel gives nobody who asks for any: other tests do, meanwhile.

    Between the look and the bind of the test one of the kernel's own may be taken.
    """
    for port in random.sample(PORTS, 100):
        address = socket.getaddrinfo(interface, port, family, type)[0][4]
        with socket.socket(family, type) as probe:
            try:
                probe.bind(address)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return socket.getnameinfo(address, socket.NI_NUMERICHOST)[0], port
    raise AssertionError(f"none of 100 ports of {PORTS} is free")


def run(modules: list[str]) -> dict[str, dict[str, str]]:
    """Run the tests of these modules."""
    import gwt.reactor

    gwt.reactor.install()
    from twisted.internet.test import connectionmixins
    from twisted.internet.test.reactormixins import ReactorBuilder
    from twisted.trial import runner

    ReactorBuilder._reactors = ["gwt.reactor.reactor.UVLoopReactor"]
    connectionmixins.findFreePort = port_of_nobody  # before any module of tests takes it by name
    tally = Tally()
    suite = runner.TestSuite()
    for module in modules:
        for case in cases(runner.TestLoader().loadByName(module)):
            reason = LEFT_OUT.get(short_name(case))
            if reason is None:
                suite.addTest(case)
            else:
                tally.outcome["left_out"][case.id()] = reason
    runner.TrialSuite([suite]).run(tally)
    return tally.outcome


def main() -> None:
    """Run what the command line names, in an empty directory."""
    import os

    faulthandler.dump_traceback_later(ALL_TESTS, exit=True)
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        outcome = run(sys.argv[1:])
    sys.stdout.write(json.dumps(outcome))
    sys.stdout.flush()
    os._exit(0)  # a test's leftover thread must not keep the answer back


if __name__ == "__main__":
    main()
