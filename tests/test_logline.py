from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.logline import LONGEST, format_combined, format_json, masked

#: What tools that read the combined format look for.
COMBINED = re.compile(
    rb"(?P<client>\S+) (?P<ident>\S+) (?P<user>\S+) \[(?P<time>[^]]+)\] "
    rb'"(?P<method>\S+) (?P<uri>\S+) (?P<protocol>\S+)" (?P<status>\d{3}) (?P<size>\d+) '
    rb'"(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)"\n'
).fullmatch


@dataclass(frozen=True)
class Record:
    time: float = 1767323045.678
    request_id: bytes = b"0123456789abcdef"
    client: str = "10.1.2.3"
    method: bytes = b"GET"
    host: bytes = b"foo.example.com"
    uri: bytes = b"/headers/x?a=1"
    status: int = 200
    bytes_in: int = 0
    bytes_out: int = 612
    duration: float = 0.0034567
    upstream: str | None = "10.0.0.1:8080"
    upstream_seconds: float | None = 0.003
    tries: int = 1
    route: str | None = "foo"
    service: str | None = "foo-service"
    path_uri: str | None = "/headers"
    user: str | None = None
    code: str | None = None
    protocol: str = "HTTP/1.1"
    user_agent: bytes | None = b"curl/8.5.0"
    referer: bytes | None = None
    revision: int = 17


def test_json() -> None:
    line = format_json(Record())
    assert json.loads(line) == {
        "time": "2026-01-02T03:04:05.678Z",
        "request_id": "0123456789abcdef",
        "client": "10.1.2.3",
        "method": "GET",
        "host": "foo.example.com",
        "uri": "/headers/x?a=1",
        "status": 200,
        "bytes_in": 0,
        "bytes_out": 612,
        "duration_ms": 3.457,
        "upstream": "10.0.0.1:8080",
        "upstream_ms": 3.0,
        "tries": 1,
        "route": "foo",
        "service": "foo-service",
        "path": "/headers",
        "user": None,
        "code": None,
        "protocol": "HTTP/1.1",
        "user_agent": "curl/8.5.0",
        "referer": None,
        "revision": 17,
    }
    names = "time request_id client method host uri status bytes_in bytes_out duration_ms upstream upstream_ms tries "
    names += "route service path user code protocol user_agent referer revision"
    assert list(json.loads(line)) == names.split()
    assert line.endswith(b"}\n")


def test_json_of_an_early_error() -> None:
    record = replace(
        Record(), upstream=None, upstream_seconds=None, tries=0, route=None, service=None, path_uri=None,
        user_agent=None, code="no_route", status=404, user="alice",
    )  # fmt: skip
    said = json.loads(format_json(record))
    names = ("upstream", "upstream_ms", "route", "service", "path", "user_agent")
    assert [said[name] for name in names] == [None] * 6
    assert (said["code"], said["user"], said["tries"]) == ("no_route", "alice", 0)


def test_combined() -> None:
    line = b'10.1.2.3 - - [02/Jan/2026:03:04:05 +0000] "GET /headers/x?a=1 HTTP/1.1" 200 612 "-" "curl/8.5.0"\n'
    assert format_combined(Record()) == line
    known = replace(Record(), user="alice", referer=b"http://a/", user_agent=None)
    line = b'10.1.2.3 - alice [02/Jan/2026:03:04:05 +0000] "GET /headers/x?a=1 HTTP/1.1" 200 612 "http://a/" "-"\n'
    assert format_combined(known) == line


def test_combined_of_what_could_not_be_read() -> None:
    line = b'10.1.2.3 - - [02/Jan/2026:03:04:05 +0000] "- - HTTP/1.1" 400 0 "-" "-"\n'
    assert format_combined(replace(Record(), method=b"", uri=b"", status=400, bytes_out=0, user_agent=None)) == line


def test_text_stays_text() -> None:
    agent = 'näïve "agent" \\ 日本 \U0001f600'
    assert json.loads(format_json(replace(Record(), user_agent=agent.encode())))["user_agent"] == agent


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b'"', '"'), (b"\\", "\\"), (b"\x00", "\x00"), (b"a\nb", "a\nb"), (b"\x1b[31m", "\x1b[31m"), (b"\x7f", "\x7f"),
        ("\u2028\u2029\x9b".encode(), "\u2028\u2029\x9b"), (b"\xff\xfe", "\\xff\\xfe"),
        (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
    ],
)  # fmt: skip
def test_json_escapes(sent: bytes, said: str) -> None:
    line = format_json(replace(Record(), uri=b"/" + sent, user_agent=sent, method=sent))
    assert re.fullmatch(rb"[\x20-\x7e]+\n", line)
    assert [json.loads(line)[name] for name in ("uri", "user_agent", "method")] == ["/" + said, said, said]


hostile = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(
        st.sampled_from(
            [
                *(b'"', b"\\", b"\n", b"\r", b"\x1b[2J", b" ", b"\x7f", b"\xe2\x80\xa8", b"\xc2\x85", b"\xed\xa0\x80"),
                *(b'" 200 0 "-" "-"\n1.2.3.4 - root [', b'","status":200}\n{"x":"', b"%2", b"=", b"@", b"://"),
                *(b"?", b"&", b"?token=hunter2", b"&token=hunter2"),
            ]
        ),
        max_size=6,
    ).map(b"".join),
)  # fmt: skip
names = st.one_of(st.none(), st.text(st.characters(exclude_categories=()), max_size=12), st.just('a" b\n\ud800'))
records = st.builds(
    Record,
    time=st.floats(0, 4e9),
    request_id=hostile,
    client=names.map(lambda name: name or "::1"),
    method=hostile,
    host=hostile,
    uri=hostile,
    status=st.integers(100, 999),
    duration=st.floats(0, 1e6),
    upstream=names,
    upstream_seconds=st.none() | st.floats(0, 1e6),
    route=names,
    user=names,
    code=names,
    protocol=names.map(lambda name: name or "HTTP/1.1"),
    user_agent=st.none() | hostile,
    referer=st.none() | hostile,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(records, min_size=10, max_size=20))
def test_a_json_line_a_record(some: list[Record]) -> None:
    text = b"".join(map(format_json, some))
    assert re.fullmatch(rb"[\x20-\x7e\n]*", text)
    lines = text.splitlines()
    assert len(lines) == len(some)
    for line, record in zip(lines, some, strict=True):
        said = json.loads(line)
        assert len(said) == 22
        assert said["status"] == record.status
        assert "hunter2" not in said["uri"] + str(said["referer"])
        if record.user is not None:
            assert said["user"] == record.user.encode("utf-8", "backslashreplace").decode()


@settings(max_examples=60, deadline=None)
@given(st.lists(records, min_size=10, max_size=20))
def test_a_combined_line_can_not_be_forged(some: list[Record]) -> None:
    text = b"".join(map(format_combined, some))
    assert re.fullmatch(rb"[\x20-\x7e\n]*", text)
    lines = text.splitlines(keepends=True)
    assert len(lines) == len(some)
    for line, record in zip(lines, some, strict=True):
        fields = COMBINED(line)
        assert fields is not None, line
        assert (int(fields["status"]), int(fields["size"])) == (record.status, record.bytes_out)


def test_a_thousand_hostile_records_are_a_thousand_lines() -> None:
    nasty = [bytes([byte]) + b'"}\n{"time":"x"}\r\n\x1b]0;x\x07\xe2\x80\xa9' for byte in range(250)]
    text = b""
    for number in range(1000):
        sent = nasty[number % 250]
        text += format_json(replace(Record(), uri=b"/" + sent, host=sent, user_agent=sent, referer=sent, method=sent))
    assert len([json.loads(line) for line in text.split(b"\n")[:-1]]) == 1000


def test_fields_are_cut() -> None:
    record = replace(Record(), uri=b"/" + b"a" * 100_000, user_agent=b"\xff" * 100_000)
    said = json.loads(format_json(record))
    assert said["uri"] == "/" + "a" * (LONGEST - 1)
    assert said["user_agent"] == "\\xff" * LONGEST
    fields = COMBINED(format_combined(record))
    assert fields is not None
    assert len(fields["uri"]) == LONGEST


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        (b"/a?token=abc", b"/a?token=***"),
        (b"/a?x=1&access_token=abc&y=2", b"/a?x=1&access_token=***&y=2"),
        (b"/a?Password=abc;q=1", b"/a?Password=***;q=1"),
        (b"/a?user%5bpass%77ord%5D=abc", b"/a?user%5bpass%77ord%5D=***"),
        (b"/a?api_key=k&apikey=k&key=k&monkey=k", b"/a?api_key=***&apikey=***&key=***&monkey=k"),
        (b"/a;jsessionid=abc?b=1&c=2", b"/a;jsessionid=***&c=2"),
        (b"/a;v=1?token=abc", b"/a;v=1?token=***"),
        (b"/a?next=/b?token=abc&c=2", b"/a?next=/b?token=***&c=2"),
        (b"/a?token=ab?token=cd;x=1", b"/a?token=***;x=1"),
        (b"/a?client_secret=", b"/a?client_secret=***"),
        (b"/a?token", b"/a?token"),
        (b"/token/abc?b=1", b"/token/abc?b=1"),
        (b"http://user:pass@host/?a=b", b"http://user:***@host/?a=b"),
        (b"/a?to=me@example.com", b"/a?to=me@example.com"),
    ],
)
def test_secrets_are_masked(uri: bytes, said: bytes) -> None:
    assert masked(uri) == said
    record = replace(Record(), uri=uri, referer=uri)
    assert json.loads(format_json(record))["referer"] == said.decode()
    assert b'"GET ' + said + b' HTTP/1.1"' in format_combined(record)


WORDS = ["token", "Passwd", "pwd", "x-secret-y", "apikey", "API_KEY", "api-key", "signature", "jwt", "session", "auth"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [*WORDS, "a", "q", "oauth", "monkey", "KEY", "sid", "sig", "design", "x%5By%5D", "%74oken"]
            ),
            st.sampled_from(["", "1", "a=b", "/x", "%20"]),
        ),
        max_size=6,
    )
)
def test_exactly_the_secrets_are_masked(pairs: list[tuple[str, str]]) -> None:
    def secret(name: str) -> bool:
        return name in (*WORDS, "KEY", "sid", "sig", "%74oken")

    sent = "/p?" + "&".join(f"{name}={value}" for name, value in pairs)
    said = "/p?" + "&".join(f"{name}={'***' if secret(name) else value}" for name, value in pairs)
    assert masked(sent.encode()) == said.encode()


@pytest.mark.parametrize("end", [b"", b"@="])
@pytest.mark.parametrize("part", [b"token", b"?", b"&", b":", b"://", b"=", b"%74", b"?token", b"://:", b";x"])
def test_masking_is_linear(part: bytes, end: bytes) -> None:
    # A pattern that is quadratic would take minutes for a megabyte.
    uri = b"/@?a=1" + part * (1_000_000 // len(part)) + end
    assert len(masked(uri)) <= len(uri) * 2
