"""Two ends of TLS that talk through memory."""

from __future__ import annotations

import ssl


class Pipe:
    """A `server` and a `client` (`ssl.SSLObject`s); `finish` ends their handshake, or raises why it can't."""

    def __init__(
        self, server: ssl.SSLContext, client: ssl.SSLContext, name: str | None, session: ssl.SSLSession | None = None
    ) -> None:
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = server.wrap_bio(up, down, server_side=True)
        self.client = client.wrap_bio(down, up, server_hostname=name, session=session)

    def finish(self) -> Pipe:
        """The handshake, and a few bytes each way: tickets come with them."""
        waiting = [self.client.do_handshake, self.server.do_handshake]
        for _ in range(10):
            for step in list(waiting):
                try:
                    step()
                    waiting.remove(step)
                except ssl.SSLWantReadError:
                    continue
        assert not waiting
        self.server.write(b"x")
        assert self.client.read(1) == b"x"
        return self
