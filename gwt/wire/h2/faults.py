"""What can be wrong with what a peer sends: the error codes of RFC 9113 7, and the two reaches of a fault."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """Error codes, as RST_STREAM and GOAWAY carry them."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class ConnectionFault(Exception):
    """The connection is over: GOAWAY with `code`. The message is for people."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class StreamFault(Exception):
    """One stream is over: RST_STREAM with `code`; the others go on."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Malformed(ValueError):
    """A field list that is no message (RFC 9113 8.1.1). The message is for people."""
