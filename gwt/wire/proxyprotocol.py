"""The PROXY protocol, versions 1 and 2: who a client is, said by the balancer before it, in the first bytes.

`read_header` is given all that has come so far; `header_v1` and `header_v2` write what `read_header` reads.
"""

from __future__ import annotations

import re
import struct
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final, NamedTuple

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_V1: Final = b"PROXY "
#: Bytes of a version 1 line, CRLF included (the specification's own figure), and of a whole version 2 header.
MAX_V1: Final = 107
MAX_V2: Final = 4096

_LINE = re.compile(rb"PROXY (TCP4|TCP6) ([0-9A-Fa-f:.]{2,39}) ([0-9A-Fa-f:.]{2,39}) ([0-9]{1,5}) ([0-9]{1,5})")
_HEAD = struct.Struct("!12sBBH")
_LOCAL, _PROXY = 0x20, 0x21
_FAMILIES = {0x11: (AF_INET, 4), 0x21: (AF_INET6, 16)}
#: Addresses without meaning for an IP connection, and how many bytes they take: not said, UNIX streams.
_NAMELESS = {0x00: 0, 0x31: 216}
_CRC32C = 0x03

#: Host and port.
Address = tuple[str, int]


class BadHeader(ValueError):
    """The bytes are no PROXY header; its text says why."""


class Header(NamedTuple):
    """Who speaks to whom. None: the balancer speaks for itself, or for somebody without an IP address."""

    source: Address | None = None
    destination: Address | None = None


def read_header(data: bytes) -> tuple[Header, int] | None:
    """The header with which `data` begins, and its size; None while it may still become one. Raises BadHeader."""
    if data[:12] == SIGNATURE[: len(data)]:
        return _read_v2(data)
    if data[:6] == _V1[: len(data)]:
        return _read_v1(data)
    raise BadHeader("no PROXY header")


def _read_v1(data: bytes) -> tuple[Header, int] | None:
    end = data.find(b"\r", 0, MAX_V1 - 1)
    if end < 0 and len(data) < MAX_V1 - 1:
        return None
    if end < 0:
        raise BadHeader(f"a line of more than {MAX_V1} bytes")
    if len(data) == end + 1:
        return None
    line = data[:end]
    if data[end + 1] != 10:
        raise BadHeader("a bare CR")
    if line == b"PROXY UNKNOWN" or line.startswith(b"PROXY UNKNOWN "):
        return Header(), end + 2
    match = _LINE.fullmatch(line)
    if match is None:
        raise BadHeader("a line of another form")
    kind, source, destination, *ports = match.groups()
    family = AF_INET if kind == b"TCP4" else AF_INET6
    texts = [_plain(text.decode("ascii"), family) for text in (source, destination)]
    numbers = [_port(text) for text in ports]
    return Header((texts[0], numbers[0]), (texts[1], numbers[1])), end + 2


def _plain(text: str, family: int) -> str:
    try:
        return inet_ntop(family, inet_pton(family, text))
    except OSError:
        raise BadHeader(f"{text!r} is no address of its family") from None


def _port(text: bytes) -> int:
    if int(text) > 65535 or (text[:1] == b"0" and len(text) > 1):
        raise BadHeader("no port")
    return int(text)


def _read_v2(data: bytes) -> tuple[Header, int] | None:
    if len(data) < _HEAD.size:
        if len(data) > 12 and data[12] not in (_LOCAL, _PROXY):
            raise BadHeader("neither LOCAL nor PROXY of version 2")
        return None
    _, command, family, length = _HEAD.unpack_from(data)
    if command not in (_LOCAL, _PROXY):
        raise BadHeader("neither LOCAL nor PROXY of version 2")
    size = _HEAD.size + length
    if size > MAX_V2:
        raise BadHeader(f"more than {MAX_V2} bytes")
    if len(data) < size:
        return None
    if command == _LOCAL:
        return Header(), size  # whatever else it says is to be skipped (2.2 of the specification)
    header, begin = _addresses(data, family, length)
    _check_extensions(data[:size], begin)
    return header, size


def _addresses(data: bytes, family: int, length: int) -> tuple[Header, int]:
    """The addresses of a version 2 header, and where its extensions begin."""
    begin = _HEAD.size
    if family in _NAMELESS:
        header, taken = Header(), _NAMELESS[family]
    elif family in _FAMILIES:
        kind, width = _FAMILIES[family]
        taken = 2 * width + 4
        if length < taken:
            raise BadHeader("too short for its addresses")
        first, second = data[begin : begin + width], data[begin + width : begin + 2 * width]
        ports = struct.unpack_from("!HH", data, begin + 2 * width)
        header = Header((inet_ntop(kind, first), ports[0]), (inet_ntop(kind, second), ports[1]))
    else:
        raise BadHeader(f"family and transport {family:#04x}, which are not those of a stream")
    if length < taken:
        raise BadHeader("too short for its addresses")
    return header, begin + taken


def _check_extensions(header: bytes, at: int) -> None:
    """Extensions (TLVs) are skipped; a checksum among them has to be right."""
    while at < len(header):
        if len(header) - at < 3:
            raise BadHeader("an extension that is cut off")
        kind, length = header[at], int.from_bytes(header[at + 1 : at + 3])
        at += 3
        if length > len(header) - at:
            raise BadHeader("an extension that is cut off")
        if kind == _CRC32C:
            said = header[at : at + length]
            zeroed = header[:at] + bytes(length) + header[at + length :]
            if length != 4 or int.from_bytes(said) != crc32c(zeroed):
                raise BadHeader("a wrong checksum")
        at += length


def _crc_table() -> list[int]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    return table


_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    """The CRC-32C (Castagnoli) of `data`."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def header_v1(source: Address | None, destination: Address | None) -> bytes:
    """The line of version 1; UNKNOWN where one of the two is not known."""
    if source is None or destination is None:
        return b"PROXY UNKNOWN\r\n"
    one, two = _of_one_family(source, destination)
    line = f"PROXY TCP{one.version} {one} {two} {source[1]} {destination[1]}\r\n"
    return line.encode("ascii")


def header_v2(source: Address | None, destination: Address | None) -> bytes:
    """The header of version 2; LOCAL where one of the two is not known."""
    if source is None or destination is None:
        return _HEAD.pack(SIGNATURE, _LOCAL, 0, 0)
    one, two = _of_one_family(source, destination)
    body = one.packed + two.packed + struct.pack("!HH", source[1], destination[1])
    return _HEAD.pack(SIGNATURE, _PROXY, 0x11 if one.version == 4 else 0x21, len(body)) + body


IPAddress = IPv4Address | IPv6Address


def _of_one_family(source: Address, destination: Address) -> tuple[IPAddress, IPAddress]:
    """Both addresses; where only one is IPv4, mapped into IPv6."""
    one, two = ip_address(source[0].partition("%")[0]), ip_address(destination[0].partition("%")[0])
    if one.version == two.version:
        return one, two
    return _wide(one), _wide(two)


def _wide(address: IPAddress) -> IPAddress:
    return address if isinstance(address, IPv6Address) else IPv6Address(f"::ffff:{address}")
