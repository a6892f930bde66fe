"""One request as one line of the access log, as JSON or in Apache's combined format.

Whatever a client sends, a line stays one line and its fields stay where they are: what is not printable
ASCII is escaped, `"` and the backslash too. Secrets in queries are masked. Fields are cut at `LONGEST` bytes.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from time import gmtime
from typing import Protocol

#: A field is cut here, before it is escaped.
LONGEST = 65536


class LogRecord(Protocol):
    """What is said of a request. Bytes are as the client sent them; `duration` and `upstream_seconds` are seconds.

    `time` is the epoch second of the request; `uri` path and query; `upstream` the address
    of the endpoint tried last; `tries` how many; `path_uri` the Path that matched; `code` the gateway's own error.
    """

    @property
    def time(self) -> float: ...
    @property
    def request_id(self) -> bytes: ...
    @property
    def client(self) -> str: ...
    @property
    def method(self) -> bytes: ...
    @property
    def host(self) -> bytes: ...
    @property
    def uri(self) -> bytes: ...
    @property
    def status(self) -> int: ...
    @property
    def bytes_in(self) -> int: ...
    @property
    def bytes_out(self) -> int: ...
    @property
    def duration(self) -> float: ...
    @property
    def upstream(self) -> str | None: ...
    @property
    def upstream_seconds(self) -> float | None: ...
    @property
    def tries(self) -> int: ...
    @property
    def route(self) -> str | None: ...
    @property
    def service(self) -> str | None: ...
    @property
    def path_uri(self) -> str | None: ...
    @property
    def user(self) -> str | None: ...
    @property
    def code(self) -> str | None: ...
    @property
    def protocol(self) -> str: ...
    @property
    def user_agent(self) -> bytes | None: ...
    @property
    def referer(self) -> bytes | None: ...
    @property
    def revision(self) -> int: ...


#: The usual request: everything known, nothing to escape. `%b` of the last members holds quotes where it needs them.
_USUAL = (
    b'{"time":"%b.%bZ","request_id":"%b","client":"%b","method":"%b","host":"%b","uri":"%b","status":%b,'
    b'"bytes_in":%d,"bytes_out":%d,"duration_ms":%.3f,"upstream":%b,"upstream_ms":%.3f,%b,'
    b'"user_agent":"%b,"revision":%d}\n'
)
_ANY = _USUAL.replace(b'"upstream_ms":%.3f', b'"upstream_ms":%b').replace(b'"user_agent":"%b', b'"user_agent":%b')
_COMBINED = b'%b - %b [%b] "%b %b %b" %d %d "%b" "%b"\n'

#: Bytes that stand for themselves in both formats.
_PLAIN = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\')
#: What costs less to look up than to format.
_THREE_DIGITS = [b"%03d" % number for number in range(1000)]
#: `61 in uri` is ten times as fast as `b"=" in uri`.
_EQUALS, _AT, _SPACE = b"=@ "
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def format_json(record: LogRecord) -> bytes:
    """The line in JSON, with its newline. Bytes that are not UTF-8 become `\\xNN` in the text."""
    uri, referer = record.uri, record.referer
    if _EQUALS in uri or _AT in uri:
        uri = masked(uri)
    if referer is not None and (_EQUALS in referer or _AT in referer):
        referer = masked(referer)
    request_id, method, host, agent = record.request_id, record.method, record.host, record.user_agent
    client = record.client.encode("utf-8", "backslashreplace")
    upstream, took, user = record.upstream, record.upstream_seconds, record.user
    before, after, where = _around_user(
        record.tries, record.route, record.service, record.path_uri, record.code, record.protocol
    )
    if user is not None:
        where = before + _name(user) + after
    joined = b"".join((request_id, client, method, host, uri, agent or b"", referer or b""))
    if agent is None or upstream is None or took is None or len(joined) > LONGEST or joined.translate(None, _PLAIN):
        return _format_any(record, uri, referer, where)
    milliseconds = int(record.time * 1000.0)
    return _USUAL % (
        _iso_second(milliseconds // 1000),
        _THREE_DIGITS[milliseconds % 1000],
        request_id,
        client,
        method,
        host,
        uri,
        _THREE_DIGITS[record.status],
        record.bytes_in,
        record.bytes_out,
        record.duration * 1000.0,
        _name(upstream),
        took * 1000.0,
        where,
        agent + b'","referer":null' if referer is None else b'%b","referer":"%b"' % (agent, referer),
        record.revision,
    )


def _format_any(record: LogRecord, uri: bytes, referer: bytes | None, where: bytes) -> bytes:
    """The line of a record of which something is unknown or has to be escaped."""
    client = record.client.encode("utf-8", "backslashreplace")
    sent = (record.request_id, client, record.method, record.host, uri)
    milliseconds = int(record.time * 1000.0)
    took = record.upstream_seconds
    return _ANY % (
        _iso_second(milliseconds // 1000),
        _THREE_DIGITS[milliseconds % 1000],
        *[json_text(field)[1:-1] for field in sent],
        _THREE_DIGITS[record.status],
        record.bytes_in,
        record.bytes_out,
        record.duration * 1000.0,
        _name_or_null(record.upstream),
        b"null" if took is None else b"%.3f" % (took * 1000.0),
        where,
        json_text(record.user_agent) + b',"referer":' + json_text(referer),
        record.revision,
    )


def format_combined(record: LogRecord) -> bytes:
    """The line in the combined format, with its newline. Other bytes than printable ASCII become `\\xNN`."""
    uri, referer = record.uri, record.referer
    if _EQUALS in uri or _AT in uri:
        uri = masked(uri)
    if referer is None:
        referer = b"-"
    elif _EQUALS in referer or _AT in referer:
        referer = masked(referer)
    agent = b"-" if record.user_agent is None else record.user_agent
    user = b"-" if record.user is None else combined_word(record.user.encode("utf-8", "backslashreplace"))
    client = record.client.encode("utf-8", "backslashreplace")
    method, protocol = record.method, record.protocol.encode("utf-8", "backslashreplace")
    words = b"".join((client, method, uri, protocol))
    joined = b"".join((words, referer, agent))
    whole = client and method and uri and protocol  # a request that could not be read may lack any of them
    if not whole or len(joined) > LONGEST or _SPACE in words or joined.translate(None, _PLAIN):
        client, method, uri, protocol = map(combined_word, (client, method, uri, protocol))
        referer, agent = combined_text(referer), combined_text(agent)
    return _COMBINED % (
        client,
        user,
        _combined_second(int(record.time)),
        method,
        uri,
        protocol,
        record.status,
        record.bytes_out,
        referer,
        agent,
    )


def json_text(field: bytes | None) -> bytes:
    """A JSON string of plain ASCII, quotes included, or null."""
    if field is None:
        return b"null"
    text = json.dumps(field[:LONGEST].decode("utf-8", "backslashreplace"))
    return text.replace("\x7f", "\\u007f").encode("ascii")


@lru_cache(maxsize=1024)
def _name(text: str) -> bytes:
    """A JSON string of a name that the gateway knows, such as an address or a user's."""
    return json_text(text.encode("utf-8", "backslashreplace"))


def _name_or_null(text: str | None) -> bytes:
    return b"null" if text is None else _name(text)


@lru_cache(maxsize=1024)
def _around_user(
    tries: int, route: str | None, service: str | None, path: str | None, code: str | None, protocol: str
) -> tuple[bytes, bytes, bytes]:
    """The members `tries` to `protocol`: what is before the user, after, and the whole for nobody.

    Few different ones are in use at a time.
    """
    names = _name_or_null(route), _name_or_null(service), _name_or_null(path)
    before = b'"tries":%d,"route":%b,"service":%b,"path":%b,"user":' % (tries, *names)
    after = b',"code":%b,"protocol":%b' % (_name_or_null(code), _name(protocol))
    return before, after, before + b"null" + after


_NOT_TEXT = re.compile(rb"[^ !#-\[\]-~]")
_NOT_WORD = re.compile(rb"[^!#-\[\]-~]")


def combined_text(field: bytes) -> bytes:
    """A field between quotes: spaces stay."""
    return _NOT_TEXT.sub(_hex, field[:LONGEST])


def combined_word(field: bytes) -> bytes:
    """A field between spaces: nothing that could end it stays; `-` if it is empty."""
    return _NOT_WORD.sub(_hex, field[:LONGEST]) or b"-"


def _hex(found: re.Match[bytes]) -> bytes:
    return b"\\x%02x" % ord(found[0])


@lru_cache(maxsize=4)
def _iso_second(second: int) -> bytes:
    now = gmtime(second)
    return b"%04d-%02d-%02dT%02d:%02d:%02d" % now[:6]


@lru_cache(maxsize=4)
def _combined_second(second: int) -> bytes:
    now = gmtime(second)
    month = _MONTHS[now.tm_mon - 1].encode()  # strftime would ask the locale
    return b"%02d/%b/%04d:%02d:%02d:%02d +0000" % (now.tm_mday, month, now.tm_year, *now[3:6])


#: Whatever has none of these, in lower case, holds no secret that we know: one search settles most requests.
_SUSPECT = re.compile(rb"@|%|token|passw|pwd|secret|api|sig|cred|auth|jwt|sess|key|sid")
#: A parameter whose name is one of the first words or has one of the others in it, and its value. Nobody has to escape
#: a letter, `-` or `_`: a name that hides one counts as a secret's. Only names that a `=` follows are gone through,
#: once each, so that the whole is linear.
_SECRET = re.compile(
    rb"[?&;](?=[^?=&;#]*=)"
    rb"(?:(?:auth|key|sid|sig)|[^?=&;#]*(?:token|passw|pwd|secret|api[_-]?key|signature|credential|authorization|jwt"
    rb"|session|%[46][1-9a-f]|%[57][0-9a]|%2d|%5f)[^?=&;#]*)=([^&;#]*)"
)
_USERINFO = re.compile(rb"(://[^/?#@:]*:)[^/?#@]*@")


def masked(uri: bytes) -> bytes:
    """`uri` with `***` for the values of parameters that hold secrets, and for a password before the host.

    Other values may hold a query of their own (`?next=/x?token=...`), those of secrets end at the next parameter.
    Every pattern here is linear: a name of 32 KiB costs what 32 names of 1 KiB cost.
    """
    lower = uri.lower()
    if not _SUSPECT.search(lower):
        return uri
    if _AT in uri:
        uri = _USERINFO.sub(rb"\1***@", uri)
        lower = uri.lower()
    parts, at = [], 0
    for found in _SECRET.finditer(lower):
        begin, end = found.span(1)
        parts.append(uri[at:begin])
        at = end
    return b"***".join([*parts, uri[at:]]) if parts else uri
