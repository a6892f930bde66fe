"""Kubernetes -> controller -> Redis -> gateway, at size: `python bench/cluster.py [WHAT ...] [SERVICES]`.

WHAT is any of `sync`, `propagation`, `rolling`, `churn`, `outages`; without any, all of them. There are 5,000 Services
of ten endpoints each, and 1,000 Routes in 50 ConfigMaps. API server, Redis, controller and gateway are processes of
their own; the load and the origins are in this one. Bars stand in brackets behind what they are bars of.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import load  # noqa: F401 (says where the next are found)
from clients import LoadProcess
from kube.apiserver import config_map, service, slice_
from load import GatewayProcess, Report, cores, members, pin, rss
from system.harness import Origin, get, poll
from world import HOST, LIVE, LONG, SERVICES, Heard, World, addresses, route, running, stalls, world, worst

#: Seconds of a stretch of which latencies are looked at by themselves.
WINDOW = 5.0

#: Seconds between two looks at whether a change is in force: they are requests too, but few.
STEP = 0.005


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(int(len(times) * share), len(times) - 1)]


def milliseconds(times: list[float]) -> str:
    return f"median {statistics.median(times) * 1e3:.1f} ms, 99 % {percentile(times, 0.99) * 1e3:.1f} ms"


def sync(services: int) -> None:
    with world(services) as one:
        begun = time.monotonic()
        with one.control() as controller:
            poll(lambda: one.full, LONG)
            print(f"sync: controller has written all after {time.monotonic() - begun:.1f} s (15), ", end="")
            print(f"{rss(controller.popen.pid):.0f} MiB (300)", end="")
            poll(lambda: controller.metric("gwt_event_loop_stall_seconds_count") >= 1)
            late = stalls(controller.port, "gwt_event_loop_stall_seconds")
            print(f", event loop late by at most {worst({}, late)} (20)")
            begun = time.monotonic()
            with one.serve() as gateway:
                gateway.wait_ready(LONG)
                print(f"sync: gateway is ready after {time.monotonic() - begun:.1f} s (3), ", end="")
                threading.Event().wait(2)  # the figure is of whole seconds
                late = stalls(gateway.admin, "gwt_event_loop_stall_seconds")
                print(f"event loop late by at most {worst({}, late)} (10)")


def propagation(services: int, times: int = 200) -> None:
    with running(services) as (one, controller, gateway), Origin("a") as first, Origin("b") as second:

        def by_kubernetes(origin: Origin) -> None:
            one.lead_to(origin.address)

        def by_redis(origin: Origin) -> None:
            entry = json.dumps({"source": "kube", "endpoints": [{"address": origin.address}]})
            rev = int(one.redis.command("GET", "{gwt}:services:rev")) + 1
            one.redis.transaction([
                ("HSET", "{gwt}:services", f"{LIVE}:80", entry), ("INCR", "{gwt}:services:rev"),
                ("PUBLISH", "{gwt}:changed", f"services {rev} {LIVE}:80"),
            ])  # fmt: skip

        for name, write, bar in (("API server", by_kubernetes, 250), ("Redis", by_redis, 50)):
            write(first)
            wait_for(gateway, first)
            took = []
            for number in range(times):
                origin = (second, first)[number % 2]
                begun = time.monotonic()
                write(origin)
                wait_for(gateway, origin)
                took.append(time.monotonic() - begun)
            print(f"propagation: {name} to first request: {milliseconds(took)} (99 %: {bar}), {times} changes")
            controller.kill()  # it would put right what others write


def wait_for(gateway: GatewayProcess, origin: Origin, host: str = HOST.decode(), step: float = 0.0) -> None:
    """Ask every `step` seconds, on one connection, until `origin` answers."""
    deadline, pause = time.monotonic() + LONG, threading.Event()
    connection = http.client.HTTPConnection("127.0.0.1", gateway.proxy, timeout=LONG)
    with closing(connection):
        while True:
            connection.request("GET", "/", headers={"Host": host})
            response = connection.getresponse()
            body = response.read()
            if response.status == 200 and json.loads(body)["origin"] == origin.name:
                return
            assert time.monotonic() < deadline, body
            if step:
                pause.wait(step)


def rolling(services: int, rate: float = 2000.0, pods: int = 20) -> None:
    with running(services) as (one, _, gateway), LoadProcess() as loop:
        first = loop.origin("127.1.0.0")
        port = int(first.rpartition(":")[2])
        old = [first, *(loop.origin(f"127.1.0.{number}", port) for number in range(1, pods))]
        one.lead_to(*old)
        poll(lambda: get(gateway.proxy, "/", host=HOST.decode()).status == 200)
        loop.begin(gateway.proxy, [HOST], rate)
        new: list[str] = []
        pause = threading.Event()
        for number in range(pods):
            new.append(loop.origin(f"127.1.1.{number}", port))
            one.lead_to(*new, *old)
            pause.wait(0.3)
            leaving = old.pop(0)
            one.lead_to(*new, *old)
            one.lead_to(leaving, number=2, ready=False, serving=True, terminating=True)
            pause.wait(0.1)
            loop.retire(leaving)
            pause.wait(0.2)
            one.api.delete("endpointslices", f"{LIVE}-2")
        report = loop.end()
        print(f"rolling: {pods} endpoints replaced, {report.sent} requests, "
              f"{report.sent / report.seconds:.0f}/s (2000), "
              f"{report.failed.total()} failed (0); {milliseconds(report.times)}")  # fmt: skip
        told(report)


def told(report: Report) -> None:
    for reason, count in report.failed.most_common():
        print(f"    {count} x {reason}")


def churn(services: int, seconds: float = 60.0, changes: float = 200.0, rate: float = 500.0) -> None:
    with running(services) as (one, _, gateway), LoadProcess() as loop, Origin("a") as first, Origin("b") as second:
        one.lead_to(loop.origin())
        one.api.put("services", service("n/lag"))
        one.api.put("configmaps", config_map("n/lag", route("lag.example.com", "lag")))
        poll(lambda: get(gateway.proxy, "/", host=HOST.decode()).status == 200)
        apart(one, gateway, loop)
        loop.look_at(gateway.popen.pid)
        loop.run(gateway.proxy, [HOST], int(rate * 5), rate)
        quiet = loop.run(gateway.proxy, [HOST], int(rate * 30), rate)
        before = stalls(gateway.admin, "gwt_event_loop_stall_seconds")
        lags, ours = list[float](), list[float]()
        heard = Heard(one.redis, "n/lag:80")
        loop.begin(gateway.proxy, [HOST], rate)
        made = range(int(seconds * changes))
        turns = [(number * 7919 % services, number) for number in made]
        one.api.play("endpointslices", [slice_(f"n/s{n}", *addresses(n, turn)) for n, turn in turns], changes)
        until, pause = time.monotonic() + seconds, threading.Event()
        while time.monotonic() < until:
            lags.append(lag(one, gateway, (first, second)[len(lags) % 2]))
            ours.append(time.monotonic() - heard.at)
            pause.wait(1)
        busy = loop.end()
        after = stalls(gateway.admin, "gwt_event_loop_stall_seconds")
        poll(lambda: answered_by(gateway, "lag.example.com") is not None, LONG)
        again = loop.run(gateway.proxy, [HOST], int(rate * 30), rate)
        quiet.times += again.times
        quiet.costs += again.costs
        window = int(rate * WINDOW)
        clock, cost = (
            usual(busy.times, window) / usual(quiet.times, window),
            latency(busy, quiet) / latency(quiet, quiet),
        )
        print(f"churn: {len(made) / seconds:.0f} changes/s (200) for {seconds:g} s, lag {milliseconds(lags)}, "
              f"from Redis on {milliseconds(ours)} (500); "
              f"requests quiet {milliseconds(quiet.times)}, now {milliseconds(busy.times)}; 99 % of the usual "
              f"{WINDOW:g} s {usual(quiet.times, window) * 1e3:.2f} and {usual(busy.times, window) * 1e3:.2f} ms: "
              f"{clock:.2f} x (1.5); by the gateway's CPU {latency(quiet, quiet) * 1e3:.2f} and "
              f"{latency(busy, quiet) * 1e3:.2f} ms: {cost:.2f} x; {busy.failed.total()} failed; "
              f"event loop late by at most {worst(before, after)}")  # fmt: skip
        told(busy)


def usual(times: list[float], window: int) -> float:
    """The 99th percentile of a usual stretch of so many requests: of all such the median.

    A machine that is taken away for a while now and then spoils a few of them, not that.
    """
    whole = [times[start : start + window] for start in range(0, len(times) - window + 1, window)]
    return statistics.median(percentile(one, 0.99) for one in whole)


def latency(report: Report, usual: Report) -> float:
    """The 99th percentile, in seconds, where nobody but the gateway keeps a request waiting longer than usual: its CPU
    between question and answer, and what a usual request takes besides."""
    besides = statistics.median(usual.times) - statistics.median(usual.costs)
    return percentile(report.costs, 0.99) + max(0.0, besides)


def apart(one: World, gateway: GatewayProcess, loop: LoadProcess) -> None:
    """The gateway alone on one core; on the other the load, and after it all that would be other machines'."""
    ours, others = cores()
    pin(os.getpid(), others)
    for pid in members(gateway.popen.pid):
        pin(pid, ours)
    for pid in one.others():
        pin(pid, others)
    loop.first(others)


def lag(one: World, gateway: GatewayProcess, origin: Origin) -> float:
    """Seconds until a change made now is in force."""
    host, _, port = origin.address.rpartition(":")
    begun = time.monotonic()
    one.api.put("endpointslices", slice_("n/lag", host, port=int(port)))
    wait_for(gateway, origin, "lag.example.com", STEP)
    return time.monotonic() - begun


def answered_by(gateway: GatewayProcess, host: str) -> Any:
    answer = get(gateway.proxy, "/", host=host)
    return answer.json()["origin"] if answer.status == 200 else None


def outages(services: int, seconds: float = 60.0, rate: float = 300.0) -> None:
    with running(services) as (one, _, gateway), LoadProcess() as loop, Origin("a") as first, Origin("b") as second:
        one.lead_to(loop.origin())
        one.api.put("services", service("n/lag"))
        one.api.put("configmaps", config_map("n/lag", route("lag.example.com", "lag")))
        lag(one, gateway, first)
        loop.begin(gateway.proxy, [HOST], rate)
        pause = threading.Event()

        def settled(what: str, origin: Origin, write: Callable[[], object], through: GatewayProcess = gateway) -> None:
            host, _, port = origin.address.rpartition(":")
            one.api.put("endpointslices", slice_("n/lag", host, port=int(port)))
            begun = time.monotonic()
            write()
            poll(lambda: answered_by(through, "lag.example.com") == origin.name and one.full, LONG)
            print(f"outages: {what}: all as the objects say after {time.monotonic() - begun:.1f} s (5)")

        one.redis.stop()
        pause.wait(seconds)
        settled(f"Redis down for {seconds:g} s, empty then", second, one.redis.start)
        one.api.stop()
        pause.wait(seconds)
        settled(f"API server down for {seconds:g} s", first, one.api.start)
        settled("FLUSHALL", second, lambda: one.redis.command("FLUSHALL"))
        through = loop.end()
        print(f"outages: {through.sent} requests, {through.failed.total()} failed (0)")
        told(through)
        gateway.stop()
        one.redis.stop()
        settings = {key: value for key, value in gateway.settings.items() if key != "listeners"}
        with GatewayProcess(gateway.directory, (), settings, wait=False) as late:
            begun = time.monotonic()
            poll(lambda: ready(late), LONG)
            print(f"outages: a gateway without Redis is ready after {time.monotonic() - begun:.1f} s, ", end="")
            report = loop.run(late.proxy, [HOST], 1000)
            print(f"{report.sent} requests, {report.failed.total()} failed (0)")
            settled("Redis back", first, one.redis.start, late)


def ready(gateway: GatewayProcess) -> bool:
    try:
        return get(gateway.admin, "/readyz").status == 200
    except OSError:
        return False


PARTS = {"sync": sync, "propagation": propagation, "rolling": rolling, "churn": churn, "outages": outages}


def main(*arguments: str) -> None:
    services = int(next((word for word in arguments if word.isdecimal()), SERVICES))
    for name in [word for word in arguments if not word.isdecimal()] or PARTS:
        PARTS[name](services)


if __name__ == "__main__":
    main(*sys.argv[1:])
