"""Messages of the DNS against those of twisted.names, and against whatever a network may bring."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timing import least
from twisted.names import dns

from gwt.dns.message import (
    AAAA,
    ALIAS,
    EMPTY,
    FAILED,
    FOUND,
    MISSING,
    TRUNCATED,
    A,
    Answer,
    answer,
    askable,
    canonical,
    question,
)

LABEL = st.text("abcdefghij-_0123456789", min_size=1, max_size=20)
NAME = st.lists(LABEL, min_size=1, max_size=6).map(".".join)


def message(name: str = "a.example.com", kind: int = A, number: int = 7, **more: Any) -> dns.Message:
    found = dns.Message(number, answer=1, maxSize=65535)
    found.queries = [dns.Query(name, kind)]
    for key, value in more.items():
        setattr(found, key, value)
    return found


def record(text: str, name: str = "a.example.com", ttl: int = 30) -> dns.RRHeader:
    if text.startswith("="):
        return dns.RRHeader(name, dns.CNAME, ttl=ttl, payload=dns.Record_CNAME(text[1:], ttl))
    if ":" in text:
        return dns.RRHeader(name, dns.AAAA, ttl=ttl, payload=dns.Record_AAAA(text, ttl))
    return dns.RRHeader(name, dns.A, ttl=ttl, payload=dns.Record_A(text, ttl))


def read(found: dns.Message, name: str = "a.example.com", kind: int = A) -> Answer | None:
    return answer(found.toStr(), 7, name, kind)


@given(NAME, st.sampled_from([A, AAAA]), st.integers(0, 65535))
def test_a_question_is_what_others_read(name: str, kind: int, number: int) -> None:
    found = dns.Message()
    found.fromStr(question(number, name, kind))
    assert (found.id, found.recDes, found.answer) == (number, 1, 0)
    assert found.queries == [dns.Query(name, kind)]


@given(st.lists(st.ip_addresses(v=4).map(str), min_size=1, max_size=20), st.integers(0, 2**31 - 1))
def test_addresses(addresses: list[str], ttl: int) -> None:
    found = message(answers=[record(one, ttl=ttl) for one in addresses])
    assert read(found) == Answer(FOUND, tuple(addresses), ttl)


def test_ipv6_and_what_is_of_another_type_or_name() -> None:
    found = message(kind=AAAA, answers=[record("2001:db8::1"), record("192.0.2.1"), record("::2", "b.example.com")])
    assert read(found, kind=AAAA) == Answer(FOUND, ("2001:db8::1",), 30)


def test_cname_chains() -> None:
    chain = [record("=B.example.com", ttl=9), record("=c.example.com", "b.example.com", 99)]
    assert read(message(answers=[*chain, record("192.0.2.1", "c.example.com")])) == Answer(FOUND, ("192.0.2.1",), 9)
    found = read(message(answers=chain))
    assert found == Answer(ALIAS, ttl=9, alias="c.example.com")
    circle = read(message(answers=[*chain, record("=a.example.com", "c.example.com")]))
    assert circle is not None and (circle.outcome, "circle" in circle.why) == (FAILED, True)
    strange = read(message(answers=[record("=*.example.com")]))
    assert strange is not None and strange.outcome == FAILED


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({}, EMPTY), ({"rCode": 3}, MISSING), ({"rCode": 2}, FAILED), ({"rCode": 5}, FAILED), ({"rCode": 9}, FAILED),
        ({"trunc": 1}, TRUNCATED),
    ],
)  # fmt: skip
def test_how_it_may_end(more: dict[str, Any], outcome: str) -> None:
    found = read(message(**more))
    assert found is not None and found.outcome == outcome and found.why


def test_who_refuses_need_not_repeat_the_question() -> None:
    found = read(message(rCode=5, queries=[]))
    assert found is not None and found.why == "REFUSED"
    found = read(message(queries=[]))
    assert found is not None and found.outcome == FAILED


@pytest.mark.parametrize(
    "other",
    [
        message(number=8), message("b.example.com"), message(kind=AAAA), message(answer=0), message(opCode=4),
    ],
)  # fmt: skip
def test_what_answers_another_question_is_none(other: dns.Message) -> None:
    assert read(other) is None
    assert answer(b"", 7, "a.example.com", A) is None


def test_the_case_of_a_name_does_not_count() -> None:
    assert read(message("A.Example.COM", answers=[record("192.0.2.1", "A.EXAMPLE.com")])) is not None


@given(st.binary(max_size=80), st.data())
def test_whatever_comes_is_read(noise: bytes, data: Any) -> None:
    good = message(answers=[record("=b.example.com"), record("192.0.2.1", "b.example.com")]).toStr()
    at = data.draw(st.integers(0, len(good)))
    for bad in (good[:at], good[:at] + noise, good[:12] + noise):
        found = answer(bad, 7, "a.example.com", A)
        assert found is None or found.outcome in (FOUND, EMPTY, MISSING, FAILED, TRUNCATED, ALIAS)


def test_pointers_in_circles_and_names_without_end() -> None:
    head = message().toStr()[:12][:6] + b"\x00\x01\x00\x00\x00\x00"
    body = question(7, "a.example.com", A)[12:]
    circle = answer(head + body + b"\xc0" + bytes((12 + len(body),)) + bytes(10), 7, "a.example.com", A)
    assert circle is not None and circle.outcome == FAILED
    long = b"".join(b"\x3f" + b"a" * 63 for _ in range(5)) + b"\0"
    found = answer(head + body + long + bytes(10), 7, "a.example.com", A)
    assert found is not None and found.outcome == FAILED


def test_the_largest_message_is_read_in_no_time() -> None:
    """Names that are pointers to as many others, each of many labels: what stalls a resolver."""
    names = b"".join(b"\x01a" for _ in range(120)) + b"\0"
    body = question(7, "a.example.com", A)[12:]
    start = 12 + len(body)
    record_ = b"\x00\x10\x00\x01" + bytes(4)
    first = b"\x00" + record_ + len(names).to_bytes(2) + names
    at = start + 11
    more = b"".join((0xC000 | at + 2 * (n % 119)).to_bytes(2) + record_ + b"\0\0" for n in range(5000))
    head = b"\x00\x07\x81\x80\x00\x01" + (5001).to_bytes(2) + bytes(4)
    whole = head + body + first + more
    assert answer(whole, 7, "a.example.com", A) is not None
    assert least(lambda: answer(whole, 7, "a.example.com", A)) < 0.5


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a", True), ("a-b.c_d.example", True), ("", False), ("a..b", False), ("*.a", False), ("a" * 64, False),
        (".".join(["a" * 63] * 4), False), ("a b", False), ("ä.example", False), ("a\n", False),
    ],
)  # fmt: skip
def test_names_that_can_be_asked_for(name: str, good: bool) -> None:
    assert askable(name) is good
    assert canonical("A.Example.com.") == "a.example.com"
