"""Origins behind TLS, which choose by ALPN what they speak."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path

from certificates import Pair
from upstream.stage import Origin, Script, Visit


class SecureOrigin(Origin):
    """An origin whose visits are encrypted. `alpn` is what it speaks, nothing at all where that is empty."""

    def __init__(self, script: Script, pair: Pair, directory: Path, alpn: Sequence[str] = ("h2",)) -> None:
        pair.write(directory, "origin")
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(directory / "origin.crt", directory / "origin.key")
        if alpn:
            self._context.set_alpn_protocols(list(alpn))
        self.chosen: list[str | None] = []
        super().__init__(script)

    def _play(self, visit: Visit) -> None:
        try:
            visit.socket = self._context.wrap_socket(visit.socket, server_side=True)
        except OSError:
            return visit.close()
        self.chosen.append(visit.socket.selected_alpn_protocol())
        return super()._play(visit)
