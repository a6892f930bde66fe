"""Settings: what may be said, and what a side begins with."""

from __future__ import annotations

import pytest
from wire.h2.peer import read

from gwt.wire.h2 import frames
from gwt.wire.h2.faults import Code, ConnectionFault
from gwt.wire.h2.options import Limits, Peer, preamble


@pytest.mark.parametrize(
    ("identifier", "value", "server", "code"),
    [
        (2, 2, False, Code.PROTOCOL_ERROR), (2, 1, True, Code.PROTOCOL_ERROR),
        (4, 1 << 31, False, Code.FLOW_CONTROL_ERROR), (5, 16383, False, Code.PROTOCOL_ERROR),
        (5, 1 << 24, False, Code.PROTOCOL_ERROR), (8, 2, True, Code.PROTOCOL_ERROR),
    ],
)  # fmt: skip
def test_what_may_not_be(identifier: int, value: int, server: bool, code: Code) -> None:
    with pytest.raises(ConnectionFault) as caught:
        Peer().take(identifier, value, server)
    assert caught.value.code == code


def test_what_is_taken() -> None:
    peer = Peer()
    for identifier, value in ((1, 0), (2, 0), (3, 7), (4, 0), (5, 20000), (6, 9), (8, 1), (99, 1)):
        peer.take(identifier, value, True)
    assert (peer.table_size, peer.max_streams, peer.window, peer.max_frame, peer.list_size) == (0, 7, 0, 20000, 9)
    assert peer.connect
    with pytest.raises(ConnectionFault):
        peer.take(8, 0, True)


def test_what_a_side_begins_with() -> None:
    server = read(preamble(Limits(max_streams=5), client=False, connect=True))
    assert [kind for kind, *_ in server] == [frames.SETTINGS, frames.WINDOW_UPDATE]
    pairs = [frames.setting_at(server[0][3], at) for at in range(0, len(server[0][3]), 6)]
    assert dict(pairs) == {3: 5, 4: 262144, 6: 32768, 8: 1}
    least = read(preamble(Limits(connection_window=65535), client=False, connect=False))
    assert [kind for kind, *_ in least] == [frames.SETTINGS]
    client = preamble(Limits(), client=True, connect=False)
    assert client.startswith(frames.PREFACE)
    assert frames.setting_at(read(client[len(frames.PREFACE) :])[0][3], 0) == (2, 0)
