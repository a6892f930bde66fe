"""gwt.startup: the message that a gateway prints when it is ready."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.delta import Delta
from gwt.model.parse import parse_file
from gwt.model.route import EndpointSpec, Problem, Route, ServiceSpec
from gwt.snapshot import Current
from gwt.startup import SHOWN, Facts, Figures, address, banner, figures_of
from gwt.surroundings import Surroundings

FACTS = Facts(
    "1.2.3", "Python 3.11, Twisted 26, uvloop", "/etc/gwt/gateway.yaml", "file:./routes",
    {"proxy": ["http://0.0.0.0:9080", "https://0.0.0.0:9443"], "service_proxy": ["http://127.0.0.1:9081"]},
    Figures(1, 2, 3, 4000),
)  # fmt: skip


def replaced(**more: object) -> Facts:
    values = {name: getattr(FACTS, name) for name in FACTS.__dataclass_fields__}
    return Facts(**{**values, **more})  # type: ignore[arg-type]


def test_it_says_what_runs_where_and_from_what() -> None:
    assert (
        "\n".join(banner(FACTS))
        == """
  gwt 1.2.3  Python 3.11, Twisted 26, uvloop

  config         /etc/gwt/gateway.yaml
  store          file:./routes
  proxy          http://0.0.0.0:9080
  proxy          https://0.0.0.0:9443
  service proxy  http://127.0.0.1:9081
  routes         1 route for 2 hosts, 3 services with 4,000 endpoints

  ready in 0.0 s; Ctrl-C or SIGTERM ends it, SIGHUP reloads
"""
    )


def test_the_demo_is_said_first_and_last() -> None:
    lines = [line for line in banner(replaced(demo=["  curl http://x/"])) if line]
    assert lines[0].strip().startswith("DEMO")
    assert lines[-1].strip().startswith("DEMO")
    assert "    curl http://x/" in lines


def test_problems_are_shown_and_the_rest_is_counted() -> None:
    worst = [[f"a.yaml:{n}:1: error: bad", "  | x"] for n in range(SHOWN + 2)]
    text = "\n".join(banner(replaced(figures=Figures(problems=SHOWN + 2, worst=worst))))
    assert f"{SHOWN + 2} problems" in text
    assert "a.yaml:0:1: error: bad\n      | x" in text
    assert f"a.yaml:{SHOWN}:1" not in text
    assert "and 2 more" in text


def test_notes_and_workers_are_said() -> None:
    text = "\n".join(banner(replaced(workers=4, notes=["uvloop is not installed"])))
    assert "workers        4" in text
    assert "note  uvloop is not installed" in text


def test_one_line_begins_with_ready_and_colour_is_asked_for() -> None:
    assert sum(line.strip().startswith("ready") for line in banner(FACTS)) == 1
    assert "\x1b" not in "".join(banner(FACTS))
    assert "\x1b" in "".join(banner(FACTS, colour=True))


@pytest.mark.parametrize(
    ("text", "host", "shown"),
    [
        ("tcp:9080", IPv4Address("TCP", "0.0.0.0", 9080), "http://0.0.0.0:9080"),
        ("tcp6:9080", IPv6Address("TCP", "::", 9080), "http://[::]:9080"),
        ("ssl:9443:privateKey=k", IPv4Address("TCP", "127.0.0.1", 9443), "https://127.0.0.1:9443"),
        ("haproxy:tcp:9080", IPv4Address("TCP", "10.0.0.1", 9080), "http://10.0.0.1:9080 (PROXY protocol)"),
        ("unix:/run/gwt.sock", UNIXAddress("/run/gwt.sock"), "unix:/run/gwt.sock"),
    ],
)
def test_addresses_are_urls_where_they_can_be(text: str, host: object, shown: str) -> None:
    assert address(text, host) == shown


def test_what_is_in_force_is_counted() -> None:
    current = Current(empty_snapshot(Surroundings(Registry(lambda: 0.0, lambda: 0.0))))
    text = "{name: r, hosts: [a.x, b.x], services: [{upstream: up, paths: [{uri: /}, {uri: /two}]}]}"
    (route,) = parse_file(text, "f").documents
    assert isinstance(route, Route)
    wrong = [Problem("f", number, 1, "wrong", name="r") for number in range(SHOWN + 1)]
    up = ServiceSpec("up", (EndpointSpec("10.0.0.1:1"), EndpointSpec("10.0.0.2:1")))
    delta = Delta(1, {"r": route}, {"up": up}, problems=(*wrong, Problem("f", 1, 1, "odd", severity="warning")))
    figures = figures_of(compile_now(current.snapshot, delta))
    assert (figures.routes, figures.hosts, figures.services, figures.endpoints) == (1, 2, 1, 2)
    assert figures.problems == SHOWN + 1 and len(figures.worst) == SHOWN
    assert figures.worst[0][0] == "f: error: wrong"
