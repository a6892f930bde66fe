"""The API server of the tests: what many threads do to it at once."""

from __future__ import annotations

import socket
import threading

from kube.apiserver import ApiServer


def test_an_answer_that_a_test_wants_is_given_once() -> None:
    api, given, begin = ApiServer(), list[object](), threading.Barrier(9)

    def ask() -> None:
        begin.wait()
        for _ in range(200):
            given.append(api.fault("/services?x"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    begin.wait()
    for number in range(300):
        api.fail(f"/services?{'x' * (number % 2)}", 429)
        api.fail(f"/other{number}", 500)
    for thread in threads:
        thread.join()
    left = sum(len(answers) for where, answers in api.faults.items() if "/services" in where)
    assert len([one for one in given if one is not None]) + left == 300


def test_a_connection_that_was_accepted_at_the_end_breaks() -> None:
    with ApiServer() as api:
        before = api._server
        api.stop()
        for again in (False, True):
            if again:
                api.start()
            ours, theirs = socket.socketpair()
            with ours, theirs:
                api.opened(before, theirs)
                assert ours.recv(1) == b""
                api.over(theirs)
