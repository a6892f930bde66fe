"""Laws of rate limits: what passes, on one node and on many, whatever comes in whatever order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from limiter.cluster import BEGIN, Cluster, a_limit, excess

from gwt.limit.gcra import part
from gwt.limit.lease import LOST, terms
from gwt.limit.selectors import Limit
from gwt.limiter.cluster import ClusterLimiter
from gwt.limiter.link import RETRY
from gwt.limiter.node import NodeLimiter
from gwt.zones.arena import PrivateArena
from gwt.zones.table import WAYS, WORD

rates = st.one_of(st.integers(1, 20), st.sampled_from([50, 100, 333, 1000, 10_000]))
bursts = st.one_of(st.integers(0, 5), st.sampled_from([20, 100]))
#: Gaps between requests, in microseconds.
gaps = st.lists(st.one_of(st.integers(0, 50), st.integers(0, 2_000_000)), min_size=1, max_size=200)


def moments(gaps: list[int]) -> list[float]:
    """The times of requests; what comes of them is exact to a microsecond."""
    now, times = int(BEGIN * 1e6), []
    for gap in gaps:
        now += gap
        times.append(now / 1e6)
    return times


def node() -> NodeLimiter:
    return NodeLimiter(PrivateArena(), 64)


@given(rates, bursts, gaps)
def test_no_window_holds_more_than_the_limit(rate: int, burst: int, gaps: list[int]) -> None:
    limiter, limit = node(), a_limit(rate, burst)
    passed = [now for now in moments(gaps) if not limiter.admit(b"k", limit, now)]
    assert excess(passed, rate) <= burst + 1 + 1e-5


@given(rates, bursts, gaps, st.randoms(use_true_random=False))
def test_no_window_holds_more_whatever_order_workers_come_in(
    rate: int, burst: int, gaps: list[int], chance: random.Random
) -> None:
    times = moments(gaps)
    order = sorted(times, key=lambda now: now + chance.random() * 0.01)  # each read its clock up to 10 ms ago
    limiter, limit = node(), a_limit(rate, burst)
    passed = sorted(now for now in order if not limiter.admit(b"k", limit, now))
    assert excess(passed, rate) <= burst + 1 + 1e-5


@given(rates, st.integers(1, 50), st.fractions(1, 5), st.integers(2, 400))
def test_what_is_offered_evenly_is_used_to_the_full(rate: int, burst: int, factor: Fraction, count: int) -> None:
    limiter, limit = node(), a_limit(rate, burst)
    gap = 1 / (rate * float(factor))
    passed = sum(not limiter.admit(b"k", limit, BEGIN + step * gap) for step in range(count))
    assert passed >= rate * gap * (count - 1) - 1


@given(rates, bursts, gaps)
def test_whoever_comes_back_when_told_passes(rate: int, burst: int, gaps: list[int]) -> None:
    limiter, limit = node(), a_limit(rate, burst)
    for now in moments(gaps):
        seconds = limiter.admit(b"k", limit, now)
    if seconds:
        assert limiter.admit(b"k", limit, now + seconds - 2 / 1e6) > 0.0 or seconds < 3 / 1e6
        assert limiter.admit(b"k", limit, now + seconds + 1 / 1e6) == 0.0


@given(rates, bursts, rates, bursts, st.integers(0, 300))
def test_an_edit_neither_resets_nor_shuts(rate: int, burst: int, rate_2: int, burst_2: int, before: int) -> None:
    limiter = node()
    used = sum(not limiter.admit(b"k", a_limit(rate, burst), BEGIN) for _ in range(before))
    left = sum(not limiter.admit(b"k", a_limit(rate_2, burst_2), BEGIN) for _ in range(200))
    assert left == max(0, burst_2 + 1 - used), "what was used stays used, and no more than that"
    assert limiter.admit(b"k", a_limit(rate_2, burst_2), BEGIN + 1 / rate_2 + 1e-6) == 0.0


bids = st.lists(
    st.tuples(st.sampled_from([b"a", b"b", b"c", b"d"]), rates, bursts),
    min_size=1,
    max_size=4,
    unique_by=lambda b: b[0],
)


@given(st.lists(st.tuples(bids, st.integers(0, 1_000_000)), max_size=60))
def test_a_refused_request_is_counted_nowhere(requests: list) -> None:
    """Two limiters, one of which never hears of the requests that are refused, stay alike."""
    all_of_them, accepted = node(), node()
    now = BEGIN
    for made, gap in requests:
        now += gap / 1e6
        asked = [(key, a_limit(rate, burst)) for key, rate, burst in made]
        seconds = all_of_them.admit_all(asked, now)
        assert seconds == 0.0 or seconds > 0.0
        if seconds == 0.0:
            assert accepted.admit_all(asked, now) == 0.0
        else:
            assert max(node_wait(accepted, key, limit, now) for key, limit in asked) == seconds


def node_wait(limiter: NodeLimiter, key: bytes, limit: object, now: float) -> float:
    """What a limiter would say, without counting: a second bid that never passes refuses them all."""
    never = (b"never", a_limit(0))
    alone = limiter.admit_all([(key, limit), never], now)  # type: ignore[list-item]
    assert alone == float("inf")
    slot, level = limiter._level(key, part(limit.rate, limit.burst, 1), now)  # type: ignore[attr-defined]
    over = level - limit.burst  # type: ignore[attr-defined]
    return 0.0 if slot < 0 or over <= 1e-6 else over / limit.rate  # type: ignore[attr-defined]


@st.composite
def traffic(draw: st.DrawFn) -> dict:
    """A limit, a cluster, and phases of load: (seconds, factor of the rate, which nodes)."""
    gateways = draw(st.sampled_from([1, 2, 3, 10]))
    rate = draw(st.one_of(st.integers(1, 12), st.sampled_from([20, 35])))
    phase = st.tuples(st.floats(0.5, 70.0), st.sampled_from([0.0, 0.2, 1.0, 2.0, 4.0]), st.integers(1, 2**gateways - 1))
    return {
        "rate": rate,
        "burst": draw(bursts),
        "gateways": gateways,
        "workers": draw(st.integers(1, 3)),
        "latency": draw(st.sampled_from([0.0002, 0.002, 0.015])),  # at most
        "late": draw(st.sampled_from([0.0, 0.0, 0.02, 0.3])),
        "phases": draw(st.lists(phase, min_size=1, max_size=5)),
        "seed": draw(st.integers(0, 2**32)),
    }


def arrivals(load: dict, chance: random.Random) -> Iterator[tuple[float, int]]:
    now = 0.0
    for seconds, factor, mask in load["phases"]:
        nodes = [node for node in range(load["gateways"]) if mask >> node & 1]
        end = now + seconds
        while factor and now < end:
            now += chance.expovariate(load["rate"] * factor)
            for _ in range(chance.choice((1, 1, 1, 4))):
                yield now, chance.choice(nodes)
        now = end


def cluster_under(load: dict, chance: random.Random) -> Cluster:
    """Its answers take some time, and some of them are late."""

    def latency() -> float:
        late = chance.random() < load["late"]
        return chance.uniform(0.03, 0.24) if late else load["latency"] * chance.uniform(0.2, 1)

    return Cluster(load["gateways"], latency, load["workers"])


@settings(max_examples=25, deadline=None)
@given(traffic())
def test_many_gateways_stay_within_the_limit(load: dict) -> None:
    """In any window the excess is that of the contract; in a minute and more there is none.

    What passes while an answer is late is told afterwards: at no time is there more of it than a node's part of the
    limit in `LOST` seconds.
    """
    chance = random.Random(load["seed"])
    cluster = cluster_under(load, chance)
    rate, burst, gateways = load["rate"], load["burst"], load["gateways"]
    cluster.run(arrivals(load, chance), a_limit(rate, burst))
    on = terms(rate, burst, gateways)
    allowed = max(0.1 * rate, gateways) if on.credit else 0.0
    late = gateways * (on.alone * LOST + on.alone_burst + 1) if load["late"] else 0.0
    # Redis and a node do not see a request at the same moment.
    seen = rate * 2 * load["latency"]
    assert excess(cluster.admitted, rate) <= burst + 1 + allowed + late + seen + 1e-3
    assert excess(cluster.admitted, rate, least=60) <= burst + 1 + late + seen + 1e-3
    assert cluster.requests == len(cluster.admitted) + cluster.refused


@settings(max_examples=25, deadline=None)
@given(traffic(), st.lists(st.tuples(st.floats(0.5, 60.0), st.floats(0.5, 60.0)), min_size=1, max_size=2))
def test_outages_lose_no_request_and_leave_each_gateway_its_part(load: dict, cuts: list[tuple[float, float]]) -> None:
    """`cuts` are the seconds before each outage and those that it lasts: every one ends, or the links try for ever."""
    chance = random.Random(load["seed"])
    cluster = cluster_under(load, chance)
    rate, burst, gateways = load["rate"], load["burst"], load["gateways"]
    outages, now = [], BEGIN
    for before, seconds in cuts:
        cluster.at(now + before, cluster.cut)
        cluster.at(now + before + seconds, cluster.mend)
        outages.append((now + before, now + before + seconds))
        now += before + seconds
    cluster.run(arrivals(load, chance), a_limit(rate, burst))
    assert cluster.requests == len(cluster.admitted) + cluster.refused
    on = terms(rate, burst, gateways)
    for begin, end in outages:
        during = [time for time in cluster.admitted if begin < time < end]
        assert excess(during, gateways * on.alone) <= gateways * (on.alone_burst + 1) + 1e-3


class Absent(Cluster):
    """No request comes to a worker that has lost its link."""

    def request(self, node: int, limit: Limit, key: bytes = b"key") -> None:
        workers = self.nodes[node]
        if workers[(self._turn + 1) % len(workers)]._link.up:
            super().request(node, limit, key)
        else:
            self._turn += 1

    def books(self) -> object:
        """All that is kept of the bucket, in Redis and on the nodes."""
        held = [tuple(words[slot : slot + SIZE]) for words, slot in map(self._slot, self.nodes) if slot >= 0]
        return self.redis.buckets, self.redis.calls, held

    def _slot(self, workers: list[ClusterLimiter]) -> tuple[Any, int]:
        return workers[0]._table.floats, workers[0]._table.find(b"key")


class Present(Absent):
    """They come."""

    request = Cluster.request


SIZE = WORD + 7 * WAYS


@settings(max_examples=25, deadline=None)
@given(traffic(), st.floats(0.5, 60.0), st.floats(0.5, 60.0), st.sampled_from(["open", "closed"]))
def test_what_is_open_or_closed_without_the_counter_leaves_no_trace(
    load: dict, before: float, seconds: float, fail: str
) -> None:
    """Leases and counter are as if those requests had not come: what is proved of them holds before and after."""
    begin, end = BEGIN + before, BEGIN + before + seconds
    came = list(arrivals(load, random.Random(load["seed"])))
    clusters: list[Absent] = []
    for kind in (Present, Absent):
        cluster = kind(load["gateways"], lambda: load["latency"], load["workers"])
        cluster.at(begin, cluster.cut)
        cluster.at(end, cluster.mend)
        cluster.run(came, a_limit(load["rate"], load["burst"], fail))
        clusters.append(cluster)
    present, absent = clusters
    assert present.books() == absent.books()
    settled = end + 2 * RETRY
    assert [one for one in present.admitted if not begin <= one <= settled] == [
        one for one in absent.admitted if not begin <= one <= settled
    ]
    during = sum(begin < one < end for one in present.admitted)
    offered = sum(begin < BEGIN + time < end for time, _ in came)
    assert during == (offered if fail == "open" else 0)
    assert present.requests == len(present.admitted) + present.refused
