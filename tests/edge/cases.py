"""The corpus: raw requests, and what must come of them, for a gateway whose upstreams answer 200 `ok`.

A line is `name, raw bytes, statuses, what upstreams see, whether the connection stays open`. What upstreams see is
written `METHOD TARGET HOST BODY` for each complete request. HTTP is RFC 9112 and 9110, targets are RFC 3986.
"""

from __future__ import annotations

from dataclasses import dataclass

OPEN, SHUT = True, False


@dataclass(frozen=True)
class Case:
    name: str
    raw: bytes
    statuses: tuple[int, ...]
    seen: tuple[bytes, ...]
    open: bool

    @property
    def heads(self) -> tuple[bool, ...]:
        """Which requests are HEAD, for whoever reads the answers."""
        return (self.raw.startswith(b"HEAD "),)


CASES: list[Case] = []


def case(name: str, raw: bytes, statuses: int | tuple[int, ...], *seen: bytes, open: bool) -> None:
    CASES.append(Case(name, raw, (statuses,) if isinstance(statuses, int) else statuses, seen, open))


def fine(name: str, raw: bytes, *seen: bytes, open: bool = OPEN) -> None:
    """All requests are answered with 200."""
    case(name, raw, (200,) * len(seen), *seen, open=open)


def refused(name: str, raw: bytes, status: int = 400) -> None:
    """Nothing reaches an upstream, and the connection is closed."""
    case(name, raw, status, open=SHUT)


H = b"Host: a.example\r\n"
A = b"a.example"
GET = b"GET / HTTP/1.1\r\n" + H
POST = b"POST /p HTTP/1.1\r\n" + H
AFTER = b"GET /after HTTP/1.1\r\nHost: a.example\r\n\r\n"
SAW = b"GET / a.example "
SAW_AFTER = b"GET /after a.example "
CL = b"Content-Length: "
TE = b"Transfer-Encoding: chunked\r\n"


def with_field(line: bytes) -> bytes:
    return GET + line + b"\r\n\r\n"


# -- the request line

fine("simple", GET + b"\r\n", SAW)
fine("two pipelined", GET + b"\r\n" + AFTER, SAW, SAW_AFTER)
fine("five pipelined", (GET + b"\r\n") * 5, *[SAW] * 5)
fine("empty line before", b"\r\n" + GET + b"\r\n", SAW)
fine("four empty lines before", b"\r\n" * 4 + GET + b"\r\n", SAW)
fine("empty line after a body", POST + CL + b"2\r\n\r\nhi\r\n" + AFTER, b"POST /p a.example hi", SAW_AFTER)
refused("many empty lines", b"\r\n" * 9 + GET + b"\r\n")
for name, line in {
    "bare LF": b"GET / HTTP/1.1\n",
    "bare CR": b"GET / HTTP/1.1\r",
    "leading space": b" GET / HTTP/1.1\r\n",
    "leading LF": b"\nGET / HTTP/1.1\r\n",
    "trailing space": b"GET / HTTP/1.1 \r\n",
    "two spaces": b"GET  / HTTP/1.1\r\n",
    "two spaces before the version": b"GET /  HTTP/1.1\r\n",
    "tab": b"GET\t/ HTTP/1.1\r\n",
    "tab before the version": b"GET /\tHTTP/1.1\r\n",
    "form feed": b"GET\x0c/ HTTP/1.1\r\n",
    "no version": b"GET /\r\n",
    "no target": b"GET HTTP/1.1\r\n",
    "only a method": b"GET\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\n",
    "NUL in the target": b"GET /a\x00b HTTP/1.1\r\n",
    "DEL in the target": b"GET /a\x7fb HTTP/1.1\r\n",
    "byte above ASCII in the target": b"GET /\xff HTTP/1.1\r\n",
    "raw UTF-8 in the target": "GET /ä HTTP/1.1\r\n".encode(),
    "fragment": b"GET /a#b HTTP/1.1\r\n",
    "fragment in the query": b"GET /a?b#c HTTP/1.1\r\n",
    "fragment first": b"GET #/a HTTP/1.1\r\n",
    "relative target": b"GET a HTTP/1.1\r\n",
    "query alone": b"GET ?a HTTP/1.1\r\n",
    "asterisk for GET": b"GET * HTTP/1.1\r\n",
    "authority form for GET": b"GET a.example:80 HTTP/1.1\r\n",
    "lower-case version": b"GET / http/1.1\r\n",
    "mixed-case version": b"GET / Http/1.1\r\n",
    "version without a slash": b"GET / HTTP1.1\r\n",
    "version with a plus": b"GET / HTTP/+1.1\r\n",
    "version with a word": b"GET / HTTP/1.x\r\n",
    "version with a space": b"GET / HTTP/ 1.1\r\n",
    "version of another protocol": b"GET / FTP/1.1\r\n",
    "bracket in the method": b"GE[T / HTTP/1.1\r\n",
    "NUL in the method": b"GE\x00T / HTTP/1.1\r\n",
    "colon in the method": b"GET: / HTTP/1.1\r\n",
    "byte above ASCII in the method": b"G\xc3T / HTTP/1.1\r\n",
    "backslash in the path": b"GET /a\\b HTTP/1.1\r\n",
    "encoded backslash": b"GET /a%5Cb HTTP/1.1\r\n",
    "encoded NUL": b"GET /a%00b HTTP/1.1\r\n",
    "encoded LF": b"GET /a%0ab HTTP/1.1\r\n",
    "above the root": b"GET /../x HTTP/1.1\r\n",
    "above the root, encoded": b"GET /%2e%2E/x HTTP/1.1\r\n",
    "dots before parameters": b"GET /a/..;x/b HTTP/1.1\r\n",
    "dots beside an encoded slash": b"GET /a/..%2fb HTTP/1.1\r\n",
    "bad escape": b"GET /a%zz HTTP/1.1\r\n",
    "short escape": b"GET /a% HTTP/1.1\r\n",
    "scheme of another protocol": b"GET ftp://a.example/ HTTP/1.1\r\n",
    "absolute without a host": b"GET http:///x HTTP/1.1\r\n",
    "absolute with a query for a host": b"GET http://?x HTTP/1.1\r\n",
    "absolute with user information": b"GET http://u:p@a.example/ HTTP/1.1\r\n",
    "absolute with a bad port": b"GET http://a.example:x/ HTTP/1.1\r\n",
    "absolute with a port too large": b"GET http://a.example:70000/ HTTP/1.1\r\n",
    "one slash after the scheme": b"GET http:/a.example/ HTTP/1.1\r\n",
    "absolute with a comma": b"GET http://a.example,b/ HTTP/1.1\r\n",
}.items():
    refused(name, line + H + b"\r\n")
for method in (b"get", b"FOO", b"CONNECT", b"TRACE", b"PRI", b"G.T", b"M-SEARCH"):
    refused(f"unknown method {method!r}", method + b" / HTTP/1.1\r\n" + H + b"\r\n", 501)
refused("authority form", b"CONNECT a.example:443 HTTP/1.1\r\n" + H + b"\r\n", 501)
for version in (b"HTTP/2.0", b"HTTP/1.2", b"HTTP/0.9", b"HTTP/3", b"HTTP/11.1", b"HTTP/1.10"):
    refused(f"version {version!r}", b"GET / " + version + b"\r\n" + H + b"\r\n", 505)
refused("almost the HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n", 505)
refused("TLS instead of HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
for method in (b"GET", b"DELETE", b"OPTIONS", b"PUT", b"PATCH", b"PROPFIND", b"POST", b"PURGE", b"QUERY"):
    fine(f"method {method!r}", method + b" /x HTTP/1.1\r\n" + H + b"\r\n", method + b" /x a.example ")
fine("HEAD", b"HEAD / HTTP/1.1\r\n" + H + b"\r\n" + AFTER, b"HEAD / a.example ", SAW_AFTER)
for raw, path in {
    b"/": b"/",
    b"/a?b=c": b"/a?b=c",
    b"/a?": b"/a?",
    b"/a??": b"/a??",
    b"/a?b?c=/../d": b"/a?b?c=/../d",
    b"/a?%0d%0a": b"/a?%0d%0a",
    b"//a": b"/a",
    b"///": b"/",
    b"/a//b": b"/a/b",
    b"/./a": b"/a",
    b"/a/../b": b"/b",
    b"/a/b/..": b"/a/",
    b"/a/%2e%2e/b": b"/b",
    b"/%61%7E": b"/a~",
    b"/a%2fb": b"/a%2Fb",
    b"/a;x=1/b": b"/a;x=1/b",
    b"/a%20b": b"/a%20b",
    b"/%c3%a4": b"/%C3%A4",
    b"/a|b": b"/a%7Cb",
    b"/.hidden": b"/.hidden",
    b"/...": b"/...",
    b"/a:b@c": b"/a:b@c",
    b"http://b.example/x": b"/x",
    b"http://b.example": b"/",
    b"http://b.example?q": b"/?q",
    b"HTTP://b.example/x?y": b"/x?y",
    b"https://b.example/x": b"/x",
    b"http://b.example//x/../y": b"/y",
    b"http://b.example:8080/": b"/",
}.items():
    host = (b"b.example:8080" if b":8080" in raw else b"b.example") if b"://" in raw else A
    fine(f"target {raw!r}", b"GET " + raw + b" HTTP/1.1\r\n" + H + b"\r\n", b"GET " + path + b" " + host + b" ")
fine("OPTIONS *", b"OPTIONS * HTTP/1.1\r\n" + H + b"\r\n", b"OPTIONS * a.example ")
fine("OPTIONS of a server", b"OPTIONS http://b.example HTTP/1.1\r\n" + H + b"\r\n", b"OPTIONS * b.example ")
refused("long target", b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\n" + H + b"\r\n", 414)
refused("long target, not ended", b"GET /" + b"a" * 40000, 414)
refused("long method", b"A" * 40000, 414)
fine("target of 8000", b"GET /" + b"a" * 8000 + b" HTTP/1.1\r\n" + H + b"\r\n", b"GET /" + b"a" * 8000 + b" a.example ")

# -- Host

refused("no Host", b"GET / HTTP/1.1\r\n\r\n")
refused("no Host, other fields", b"GET / HTTP/1.1\r\nAccept: */*\r\n\r\n")
refused("two Hosts", GET + H + b"\r\n")
refused("two Hosts that differ", GET + b"host: b.example\r\n\r\n")
refused("two Hosts in HTTP/1.0", b"GET / HTTP/1.0\r\n" + H + H + b"\r\n")
refused("two Hosts for an absolute target", b"GET http://b.example/ HTTP/1.1\r\n" + H + H + b"\r\n")
refused("no Host for an absolute target", b"GET http://b.example/ HTTP/1.1\r\n\r\n")
refused("bad Host beside an absolute target", b"GET http://b.example/ HTTP/1.1\r\nHost: a b\r\n\r\n")
fine("Host in lower case", b"GET / HTTP/1.1\r\nhost:a.example\r\n\r\n", SAW)
fine("Host in upper case", b"GET / HTTP/1.1\r\nHOST:\t a.example \t\r\n\r\n", SAW)
for bad_host in (
    b"", b" ", b"a b", b"a,b", b"a/b", b"a@b", b"u@a.example", b"a.example:x", b"a.example:80:80", b"a.example:-1",
    b"a.example:99999", b"a..example", b".", b"..", b".a", b"[::1", b"::1", b"[::1]x", b"[g::1]", b"[fe80::1%25eth0]",
    b"a?b", b"a#b", b"a\\b", b"a%00", b"<a>", b"a\"b", b"\xc3\xa4.example", b"a.example, b.example", b"http://a.example",
    b"a" * 300, b"a.example:+80", b"a.example: 80", b"a.example :80", b"{mark}", b"a|b", b"a^b", b"a`b",
):  # fmt: skip
    refused(f"Host {bad_host[:30]!r}", b"GET / HTTP/1.1\r\nHost: " + bad_host + b"\r\n\r\n")
for good_host in (
    b"a", b"A.Example", b"a.example.", b"a.example:8080", b"a.example:", b"127.0.0.1", b"[::1]", b"[::1]:80", b"x_y.z",
    b"xn--4ca.example", b"a-b.c", b"1.2.3",
):  # fmt: skip
    fine(f"Host {good_host!r}", b"GET / HTTP/1.1\r\nHost: " + good_host + b"\r\n\r\n", b"GET / " + good_host + b" ")

# -- field lines

for name, line in {
    "space before the colon": b"X : y",
    "tab before the colon": b"X\t: y",
    "no colon": b"X",
    "empty name": b": y",
    "only a colon": b":",
    "leading space on the first": b" X: y",
    "obs-fold": b"X: y\r\n z",
    "obs-fold with a tab": b"X: y\r\n\tz",
    "bare LF": b"X: y\nZ: a",
    "bare CR": b"X: y\rZ: a",
    "CR before CRLF": b"X: y\r\r\nZ: a",
    "NUL in a value": b"X: a\x00b",
    "NUL in a name": b"X\x00: a",
    "control in a value": b"X: a\x01b",
    "DEL in a value": b"X: a\x7fb",
    "escape in a value": b"X: a\x1b[0m",
    "vertical tab": b"X: a\x0bb",
    "quote in a name": b'"X": y',
    "slash in a name": b"X/Y: y",
    "bracket in a name": b"X[0]: y",
    "byte above ASCII in a name": b"X\xe9: y",
    "space in a name": b"X Y: y",
    "space before Content-Length's colon": b"Content-Length : 5",
    "space before Transfer-Encoding's colon": b"Transfer-Encoding : chunked",
    "NUL after Transfer-Encoding": b"Transfer-Encoding\x00: chunked",
    "LF before Transfer-Encoding": b"X: y\nTransfer-Encoding: chunked",
    "request line twice": b"GET / HTTP/1.1",
}.items():
    refused(f"field: {name}", with_field(line))
for name, line in {
    "empty value": b"X:",
    "no space": b"X:y",
    "many spaces": b"X:   y   ",
    "tabs": b"X:\ty\t",
    "obs-text": b"X: \xe4\xff",
    "tab within": b"X: a\tb",
    "colons": b"X: a:b::c",
    "odd name": b"!#$%&'*+-.^_`|~: y",
    "repeated": b"X: a\r\nX: b\r\nx: c",
    "long value": b"X: " + b"v" * 8000,
}.items():
    fine(f"field: {name}", with_field(line), SAW)
fine("hundred fields", GET + b"X: y\r\n" * 99 + b"\r\n", SAW)
refused("one field too many", GET + b"X: y\r\n" * 100 + b"\r\n", 431)
refused("thousands of fields", GET + b"a:\r\n" * 6000 + b"\r\n", 431)
refused("large field", GET + b"X: " + b"v" * 40000 + b"\r\n\r\n", 431)
refused("large field, not ended", GET + b"X: " + b"v" * 40000, 431)
for begin in (b"Content-Length0", b"Transfer-Encoding0", b"x"):  # longer than a byte can count
    name = begin + b"a" * 255 + b":\r\n"
    fine(f"long name: {begin!r}", POST + name + CL + b"5\r\n\r\nhello" + AFTER, b"POST /p a.example hello", SAW_AFTER)
refused("CRLF missing at the end of the head", GET + b"X: y\n\n")

# -- framing

fine("Content-Length: 0", POST + CL + b"0\r\n\r\n" + AFTER, b"POST /p a.example ", SAW_AFTER)
fine("Content-Length", POST + CL + b"5\r\n\r\nhello" + AFTER, b"POST /p a.example hello", SAW_AFTER)
fine("leading zeros", POST + CL + b"005\r\n\r\nhello" + AFTER, b"POST /p a.example hello", SAW_AFTER)
fine("GET with a body", GET + CL + b"3\r\n\r\nabc" + AFTER, b"GET / a.example abc", SAW_AFTER)
fine("body like a request", POST + CL + b"%d\r\n\r\n" % len(AFTER) + AFTER, b"POST /p a.example " + AFTER)
fine("POST without a body", POST + b"\r\n" + AFTER, b"POST /p a.example ", SAW_AFTER)
fine("body of all bytes", POST + CL + b"256\r\n\r\n" + bytes(range(256)), b"POST /p a.example " + bytes(range(256)))
for value in (
    b"", b"+5", b"-5", b"5 5", b"5,5", b"5, 5", b"5,6", b"0x5", b"5.0", b"5e0", b"five", b"1_0", b"5;", b"'5'",
    b"\xb2", "٥".encode(), b"9" * 19, b"9" * 100, b"5\x0b", b"00000000000000000000000005", b"NaN", b"5\t5",
):  # fmt: skip
    refused(f"Content-Length: {value[:20]!r}", POST + CL + value + b"\r\n\r\nhello")
refused("two Content-Lengths", POST + CL + b"5\r\n" + CL + b"5\r\n\r\nhello")
refused("two Content-Lengths that differ", POST + CL + b"5\r\nCONTENT-LENGTH: 6\r\n\r\nhello!")
refused("length and coding", POST + CL + b"5\r\n" + TE + b"\r\n0\r\n\r\n")
refused("coding and length", POST + TE + CL + b"5\r\n\r\n0\r\n\r\n")
refused("coding and length 0", GET + TE + CL + b"0\r\n\r\n0\r\n\r\n")
refused("coding in HTTP/1.0", b"POST / HTTP/1.0\r\n" + H + TE + b"\r\n0\r\n\r\n")
for value in (
    b"", b"identity", b"gzip", b"gzip, chunked", b"chunked, gzip", b"chunked, chunked", b"chunked, identity",
    b"identity, chunked", b"xchunked", b"chunkedx", b"chunked;q=1", b'"chunked"', b"'chunked'", b"chun ked",
    b",chunked", b"chunked,", b", chunked", b"\x0bchunked", b"chunked\x00", b"chunked\xa0", b"x, chunked",
    b"compress", b"deflate, chunked", b"chunked\x85",
):  # fmt: skip
    refused(f"Transfer-Encoding: {value!r}", POST + b"Transfer-Encoding: " + value + b"\r\n\r\n0\r\n\r\n")
refused("two codings", POST + TE + TE + b"\r\n0\r\n\r\n")
refused("chunked and identity", POST + TE + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n")
refused("identity and chunked", POST + b"Transfer-Encoding: identity\r\n" + TE + b"\r\n0\r\n\r\n")
fine("coding in upper case", POST + b"Transfer-Encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n", b"POST /p a.example a")
fine("coding with spaces", POST + b"Transfer-Encoding: \t chunked \t\r\n\r\n0\r\n\r\n", b"POST /p a.example ")
fine("coding misspelt with _", POST + b"Transfer_Encoding: chunked\r\n\r\n" + AFTER, b"POST /p a.example ", SAW_AFTER)
fine("length misspelt with _", POST + b"Content_Length: 5\r\n\r\n" + AFTER, b"POST /p a.example ", SAW_AFTER)

# -- chunks


def chunks(body: bytes) -> bytes:
    return POST + TE + b"\r\n" + body


for name, body, read in (
    ("one", b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    ("two", b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", b"hello!"),
    ("none", b"0\r\n\r\n", b""),
    ("upper-case size", b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    ("lower-case size", b"a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    ("zeros before the size", b"0005\r\nhello\r\n000\r\n\r\n", b"hello"),
    ("extension", b"5;a=b\r\nhello\r\n0;c\r\n\r\n", b"hello"),
    ("quoted extension", b'5;a="b;c\\"d"\r\nhello\r\n0\r\n\r\n', b"hello"),
    ("spaced extension", b"5 ; a = b\r\nhello\r\n0\r\n\r\n", b"hello"),
    ("CRLF in the data", b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n"),
    ("chunks in the data", b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n"),
    ("trailer", b"1\r\na\r\n0\r\nX-T: v\r\n\r\n", b"a"),
    ("trailers", b"1\r\na\r\n0\r\nX-T: v\r\nY-T:w\r\n\r\n", b"a"),
    ("trailer without a body", b"0\r\nX-T: v\r\n\r\n", b""),
):
    fine(f"chunks: {name}", chunks(body) + AFTER, b"POST /p a.example " + read, SAW_AFTER)
for name, body in {
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "minus": b"-5\r\nhello\r\n0\r\n\r\n",
    "underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
    "no hex": b"g\r\nhello\r\n0\r\n\r\n",
    "h": b"5h\r\nhello\r\n0\r\n\r\n",
    "space before the size": b" 5\r\nhello\r\n0\r\n\r\n",
    "space after the size": b"5 \r\nhello\r\n0\r\n\r\n",
    "tab after the size": b"5\t\r\nhello\r\n0\r\n\r\n",
    "size over 64 bits": b"ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "size of 16 digits": b"8000000000000000\r\nhello\r\n0\r\n\r\n",
    "size that wraps to 5": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "LF after the size": b"5\nhello\r\n0\r\n\r\n",
    "CR after the size": b"5\rhello\r\n0\r\n\r\n",
    "CR CR LF after the size": b"5\r\r\nhello\r\n0\r\n\r\n",
    "LF after the data": b"5\r\nhello\n0\r\n\r\n",
    "CR after the data": b"5\r\nhello\r0\r\n\r\n",
    "nothing after the data": b"5\r\nhello0\r\n\r\n",
    "data too long": b"5\r\nhello!\r\n0\r\n\r\n",
    "data too short": b"6\r\nhello\r\n0\r\n\r\n",
    "any two bytes after the data": b"5\r\nhelloXX0\r\n\r\n",
    "NUL in the size": b"5\x00\r\nhello\r\n0\r\n\r\n",
    "NUL in an extension": b"5;a\x00\r\nhello\r\n0\r\n\r\n",
    "LF in an extension": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "CR in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "LF in a quoted extension": b'5;a="\n"\r\nhello\r\n0\r\n\r\n',
    "extension without a name": b"5;\r\nhello\r\n0\r\n\r\n",
    "extension with an open quote": b'5;a="b\r\nhello\r\n0\r\n\r\n',
    "extension of the wrong kind": b"5,a\r\nhello\r\n0\r\n\r\n",
    "long extension": b"5;" + b"a" * 5000 + b"\r\nhello\r\n0\r\n\r\n",
    "LF after the last chunk": b"0\n\r\n",
    "LF at the end": b"0\r\n\n",
    "bad trailer": b"0\r\nX\r\n\r\n",
    "folded trailer": b"0\r\nX: y\r\n z\r\n\r\n",
    "trailer with a space": b"0\r\nX : y\r\n\r\n",
    "trailer with NUL": b"0\r\nX: \x00\r\n\r\n",
    "trailer with LF": b"0\r\nX: y\nZ: a\r\n\r\n",
    "trailer without a name": b"0\r\n: y\r\n\r\n",
    "huge trailers": b"0\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
}.items():
    refused(f"chunks: {name}", chunks(body))

# -- persistence

fine("Connection: close", with_field(b"Connection: close") + AFTER, SAW, open=SHUT)
fine("Connection: CLOSE in a list", with_field(b"Connection: foo, CLOSE"), SAW, open=SHUT)
fine("close and keep-alive", with_field(b"Connection: keep-alive, close"), SAW, open=SHUT)
fine("close in a second line", with_field(b"Connection: keep-alive\r\nConnection: close"), SAW, open=SHUT)
fine("Connection: keep-alive", with_field(b"Connection: keep-alive") + AFTER, SAW, SAW_AFTER)
fine("Proxy-Connection: close means nothing", with_field(b"Proxy-Connection: close") + AFTER, SAW, SAW_AFTER)
fine("empty Connection", with_field(b"Connection:"), SAW)
fine("commas in Connection", with_field(b"Connection: ,, ,"), SAW)
fine("HTTP/1.0", b"GET / HTTP/1.0\r\n" + H + b"\r\n" + AFTER, SAW, open=SHUT)
fine("HTTP/1.0 keep-alive", b"GET / HTTP/1.0\r\n" + H + b"Connection: Keep-Alive\r\n\r\n" + AFTER, SAW, SAW_AFTER)
fine("HTTP/1.0 without Host", b"GET / HTTP/1.0\r\n\r\n", b"GET / 127.0.0.1:80 ", open=SHUT)
fine("HTTP/1.0 body", b"POST /p HTTP/1.0\r\n" + H + CL + b"2\r\n\r\nhi", b"POST /p a.example hi", open=SHUT)
for name in (b"Host", b"content-length", b"TRANSFER-ENCODING"):
    refused(f"Connection names {name!r}", POST + CL + b"0\r\nConnection: " + name + b"\r\n\r\n")
refused("Connection names Host in a list", with_field(b"Connection: close, Host"))

# -- Expect and Upgrade

fine("Expect without a body", with_field(b"Expect: 100-continue") + AFTER, SAW, SAW_AFTER)
fine("Expect with its body", POST + b"Expect: 100-continue\r\n" + CL + b"2\r\n\r\nhi", b"POST /p a.example hi")
fine("Expect in HTTP/1.0", b"POST /p HTTP/1.0\r\nExpect: 100-continue\r\n" + H + CL + b"2\r\n\r\nhi",
     b"POST /p a.example hi", open=SHUT)  # fmt: skip
WS = b"Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
fine("h2c", with_field(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA") + AFTER,
     SAW, SAW_AFTER)  # fmt: skip
fine("Upgrade to anything", with_field(b"Connection: upgrade\r\nUpgrade: tls/1.0") + AFTER, SAW, SAW_AFTER)
fine("Upgrade that Connection does not name", GET + WS + b"\r\n" + AFTER, SAW, SAW_AFTER)
fine("WebSocket by POST", POST + b"Connection: upgrade\r\n" + WS + b"\r\n" + AFTER, b"POST /p a.example ", SAW_AFTER)
fine("WebSocket that is declined", GET + b"Connection: upgrade\r\n" + WS + b"\r\n" + AFTER, SAW, SAW_AFTER)
