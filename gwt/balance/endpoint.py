"""One address of a service, and what is remembered of it from one snapshot to the next."""

from __future__ import annotations

import re
from collections.abc import Callable

from gwt.model.route import EndpointSpec

#: Names that may stand in the head of a request.
_NAME = re.compile(r"[a-z0-9_-][a-z0-9._-]{0,252}").fullmatch

#: Seconds that the state of an endpoint is kept after its last use.
IDLE = 600.0


class EndpointState:
    """What requests have left behind at one address of one service; outlives every snapshot.

    `inflight` requests now, `requests` and `failures` ever; `ewma` seconds (peak EWMA of the time
    to the answer, 0.0 = never observed) as of `ewma_at`; `last_used`. Times are those of the registry's clock.
    The proxy counts `inflight`, `requests` and `failures`; `least.observe` keeps `ewma`.
    """

    __slots__ = ("ewma", "ewma_at", "failures", "inflight", "last_used", "requests")

    def __init__(self, now: float = 0.0) -> None:
        self.inflight = 0
        self.requests = 0
        self.failures = 0
        self.ewma = 0.0
        self.ewma_at = now
        self.last_used = now


class Endpoint:
    """An address of a service as one snapshot sees it. Compared by identity; never changed once made.

    `address` is `IP:PORT` or `[v6]:PORT`, `host` has no brackets; `authority` is what the endpoint is called in a
    Host, None: its address. `share` is the weight that pickers
    use: `weight`, or 1 where only endpoints of weight 0 are left to choose from.
    """

    __slots__ = (
        "address",
        "authority",
        "host",
        "port",
        "ready",
        "serving",
        "share",
        "state",
        "terminating",
        "weight",
        "zone",
    )

    def __init__(self, spec: EndpointSpec, state: EndpointState, name: str | None = None) -> None:
        self.address = spec.address
        self.host, self.port = split_address(spec.address)
        self.authority = authority_of(spec.address, name)
        self.ready = spec.ready
        self.serving = spec.serving
        self.terminating = spec.terminating
        self.weight = spec.weight
        self.share = spec.weight if spec.weight > 0 else 1
        self.zone = spec.zone
        self.state = state

    def says(self, spec: EndpointSpec) -> bool:
        """True if `spec`, which has the same address, describes this endpoint as it is."""
        return (
            self.ready == spec.ready
            and self.serving == spec.serving
            and self.terminating == spec.terminating
            and self.weight == spec.weight
            and self.zone == spec.zone
        )

    def __repr__(self) -> str:
        return f"<Endpoint {self.address} weight={self.weight} ready={self.ready}>"


def authority_of(address: str, name: str | None) -> bytes | None:
    """The Host of an endpoint that was found under the `name` of a host; port 80 is left out, as browsers do."""
    if name is None or not _NAME(name):
        return None
    port = split_address(address)[1]
    return (name if port == 80 else f"{name}:{port}").encode()


def split_address(address: str) -> tuple[str, int]:
    """`IP:PORT` or `[v6]:PORT` -> host without brackets and port. Raises ValueError."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit():
        raise ValueError(f"not an address of the form IP:PORT: {address!r}")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    return host, int(port)


class Registry:
    """The states of all endpoints by service key and address, and the clock and the chance that pickers use.

    A state is found again when its endpoint comes back, until it has not been used for `IDLE` seconds.
    """

    def __init__(self, clock: Callable[[], float], random: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds, `random` floats in [0, 1)."""
        self.clock = clock
        self.random = random
        self._services: dict[str, dict[str, EndpointState]] = {}
        self._due: list[str] = []

    def state(self, key: str, address: str) -> EndpointState:
        """The state kept for this address of service `key`, or a new one."""
        states = self._services.setdefault(key, {})
        state = states.get(address)
        if state is None:
            state = states[address] = EndpointState(self.clock())
        else:
            state.last_used = self.clock()
        return state

    def keep(self, key: str, address: str, state: EndpointState) -> None:
        """An endpoint has left: remember its state for when it comes back."""
        state.last_used = self.clock()
        self._services.setdefault(key, {})[address] = state

    def expire(self, idle: float = IDLE, services: int = 50) -> None:
        """Forget what was not used for `idle` seconds. Looks at the next `services` services only, to stay short.

        A state that an endpoint in force still holds may be forgotten too: the endpoint keeps it.
        """
        if not self._due:
            self._due = list(self._services)
        oldest = self.clock() - idle
        for _ in range(min(services, len(self._due))):
            key = self._due.pop()
            states = self._services.get(key, {})
            for address in [a for a, s in states.items() if s.last_used < oldest and not s.inflight]:
                del states[address]
            if not states:
                self._services.pop(key, None)

    def __len__(self) -> int:
        return sum(map(len, self._services.values()))
