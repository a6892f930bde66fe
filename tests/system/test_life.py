"""A gateway's process from its start to its end: start-up message, reload, drain, statuses."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
from system.harness import (
    GatewayProcess,
    Origin,
    Process,
    environment,
    free_port,
    get,
    poll,
    request,
    simple_route,
    twistd,
)
from system.raw import TooSlow, links, one_good_run


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


def test_it_says_what_it_does_and_nothing_else(tmp_path: Path, origin: Origin) -> None:
    with GatewayProcess(tmp_path, simple_route(origin.address)) as gateway:
        assert get(gateway.proxy, "/x", host="foo.example.com").json()["path"] == "/x"
        assert gateway.stop() == 0
        lines = [line for line in gateway.output.splitlines() if line]
    assert lines[0].startswith("  gwt ")
    assert any(f"http://127.0.0.1:{gateway.proxy}" in line for line in lines)
    assert any("1 route for 1 host" in line for line in lines)
    noise = [line for line in lines if "starting" in line.lower() or "Factory" in line or "twistd" in line]
    assert not noise
    assert "Main loop terminated" not in gateway.output


@pytest.mark.parametrize("reactor", ["select", "poll", "epoll", "asyncio", "uvloop"])
def test_every_reactor_serves_and_ends_with_0(tmp_path: Path, origin: Origin, reactor: str) -> None:
    with GatewayProcess(tmp_path, simple_route(origin.address), reactor=reactor) as gateway:
        answer = request(gateway.proxy, "POST", "/", host="foo.example.com", body=b"x" * 100_000)
        assert answer.json()["body"] == "x" * 100_000
        assert gateway.stop() == 0


def test_uvloop_is_the_default(tmp_path: Path) -> None:
    with GatewayProcess(tmp_path) as gateway:
        assert "UVLoop reactor" in gateway.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_in_flight_is_answered_before_it_ends(tmp_path: Path, number: int) -> None:
    with Origin() as origin, GatewayProcess(tmp_path, simple_route(origin.address)) as gateway:
        origin.hold.clear()
        client = http.client.HTTPConnection("127.0.0.1", gateway.proxy, timeout=30)
        client.request("GET", "/", headers={"Host": "foo.example.com"})
        assert origin.arrived.wait(30)
        gateway.signal(number)
        gateway.wait_line("stopping")
        poll(lambda: refuses(gateway.proxy))
        origin.hold.set()
        response = client.getresponse()
        assert response.status == 200
        assert response.getheader("Connection") == "close"
        response.read()
        client.close()
        assert gateway.wait() == 0


def refuses(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


def test_an_idle_connection_does_not_hold_up_the_end(tmp_path: Path, origin: Origin) -> None:
    with GatewayProcess(tmp_path, simple_route(origin.address)) as gateway:
        client = http.client.HTTPConnection("127.0.0.1", gateway.proxy, timeout=30)
        client.request("GET", "/", headers={"Host": "foo.example.com"})
        client.getresponse().read()
        assert gateway.stop(timeout=10) == 0
        client.close()


def test_drain_has_an_end(tmp_path: Path) -> None:
    with Origin() as origin, GatewayProcess(tmp_path, simple_route(origin.address), {"drain": 0.2}) as gateway:
        origin.hold.clear()
        client = http.client.HTTPConnection("127.0.0.1", gateway.proxy, timeout=30)
        client.request("GET", "/", headers={"Host": "foo.example.com"})
        assert origin.arrived.wait(30)
        assert gateway.stop(timeout=10) == 0
        with pytest.raises((http.client.HTTPException, OSError)):
            client.getresponse()
        client.close()


def test_during_drain_delay_new_requests_are_still_served(tmp_path: Path, origin: Origin) -> None:
    def run() -> None:
        directory = Path(mkdtemp(dir=tmp_path))
        with GatewayProcess(directory, simple_route(origin.address), {"drain_delay": 2}) as gateway:
            began = time.monotonic()
            gateway.signal(signal.SIGTERM)
            gateway.wait_line("stopping")
            try:
                status = get(gateway.proxy, "/", host="foo.example.com").status
            except OSError as error:
                if time.monotonic() - began >= 2.0:
                    raise TooSlow("it was asked after its delay") from error
                raise
            assert status == 200
            assert gateway.wait() == 0

    one_good_run(run)


def test_hup_opens_and_closes_listeners_and_keeps_the_others(tmp_path: Path, origin: Origin) -> None:
    with GatewayProcess(tmp_path, simple_route(origin.address)) as gateway:
        client = http.client.HTTPConnection("127.0.0.1", gateway.proxy, timeout=30)
        client.request("GET", "/", headers={"Host": "foo.example.com"})
        client.getresponse().read()
        more = free_port()
        listeners = dict(gateway.settings["listeners"])
        listeners.update(proxy=[listeners["proxy"], f"tcp:{more}:interface=127.0.0.1"], service_proxy=None)
        gateway.configure({"listeners": listeners})
        gateway.signal(signal.SIGHUP)
        gateway.wait_line("is in force")
        assert get(more, "/", host="foo.example.com").status == 200
        assert refuses(gateway.service_proxy)
        client.request("GET", "/again", headers={"Host": "foo.example.com"})  # the connection of before
        assert client.getresponse().status == 200
        client.close()


def test_hup_with_a_bad_file_says_so_and_changes_nothing(tmp_path: Path, origin: Origin) -> None:
    with GatewayProcess(tmp_path, simple_route(origin.address)) as gateway:
        (tmp_path / "gateway.yaml").write_text("workres: 2\n")
        gateway.signal(signal.SIGHUP)
        gateway.wait_line("the old configuration stays")
        gateway.wait_line("unknown key 'workres', did you mean 'workers'?")
        assert get(gateway.proxy, "/", host="foo.example.com").status == 200


def test_hup_with_a_port_in_use_keeps_everything(tmp_path: Path, origin: Origin) -> None:
    with GatewayProcess(tmp_path, simple_route(origin.address)) as gateway, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listeners = {**gateway.settings["listeners"], "service_proxy": f"tcp:{taken.getsockname()[1]}"}
        gateway.configure({"listeners": listeners})
        gateway.signal(signal.SIGHUP)
        gateway.wait_line("in use by another process")
        assert get(gateway.proxy, "/", host="foo.example.com").status == 200
        log = str(tmp_path / "access.log")
        assert links(gateway.popen.pid).count(log) == 1
        assert not refuses(gateway.service_proxy)


def test_hup_follows_another_store_and_another_log(tmp_path: Path, origin: Origin) -> None:
    with GatewayProcess(tmp_path, simple_route(origin.address)) as gateway:
        (tmp_path / "other").mkdir()
        other = simple_route(origin.address, host="bar.example.com")
        (tmp_path / "other/routes.yaml").write_text("\n---\n".join(map(json.dumps, other)))
        gateway.configure({"store": f"file:{tmp_path / 'other'}", "access_log": {"path": str(tmp_path / "new.log")}})
        gateway.signal(signal.SIGHUP)
        gateway.wait_line("is in force")
        assert get(gateway.proxy, "/", host="bar.example.com").status == 200
        assert get(gateway.proxy, "/", host="foo.example.com").status == 404
        assert gateway.stop() == 0
        logged = [json.loads(line)["status"] for line in (tmp_path / "new.log").read_text().splitlines()]
        assert logged == [200, 404]


def test_hup_reopens_the_access_log_for_logrotate(tmp_path: Path, origin: Origin) -> None:
    with GatewayProcess(tmp_path, simple_route(origin.address)) as gateway:
        get(gateway.proxy, "/before", host="foo.example.com")
        poll(gateway.log_lines)
        (tmp_path / "access.log").rename(tmp_path / "access.log.1")
        gateway.signal(signal.SIGHUP)
        gateway.wait_line("is in force")
        get(gateway.proxy, "/after", host="foo.example.com")
        poll(gateway.log_lines)
        assert [json.loads(line)["uri"] for line in gateway.log_lines()] == ["/after"]


def run_failing(tmp_path: Path, config: str, *arguments: str) -> tuple[int, str]:
    (tmp_path / "gateway.yaml").write_text(config)
    (tmp_path / "routes").mkdir(exist_ok=True)
    with Process(twistd("gateway", *arguments), cwd=tmp_path) as process:
        return process.wait(), process.output


def test_a_bad_gateway_yaml_is_one_line_and_ends_with_2(tmp_path: Path) -> None:
    status, output = run_failing(tmp_path, "workres: 2\ndrain: soon\n")
    assert status == 2
    said = "gwt: gateway.yaml:1:1: error: unknown key 'workres', did you mean 'workers'?"
    assert output == f"{said} (and 1 more: gwt check gateway.yaml)"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_misfit_of_a_plugin_is_one_line_and_status_2(tmp_path: Path, workers: int) -> None:
    listeners = f"workers: {workers}\nlisteners: {{proxy: 'tcp:{free_port()}:interface=127.0.0.1', admin: null}}\n"
    status, output = run_failing(tmp_path, f"{listeners}global_plugins: {{cors: {{max_age: long, x: 1}}}}\n")
    assert status == 2
    assert output.startswith("gwt: gateway.yaml:3:25: error: plugin 'cors': max_age: expected a whole number")
    assert output.endswith(" (and 1 more: gwt check gateway.yaml)")
    assert output.count("\n") == 0


def test_check_tells_the_same_and_ends_with_1(tmp_path: Path) -> None:
    status, output = run_failing(tmp_path, "drain: soon\n", "--check")
    assert status == 1
    assert "gateway.yaml:1:8: error:" in output


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_in_use_is_one_line_and_status_2(tmp_path: Path, workers: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = f"workers: {workers}\nlisteners: {{proxy: 'tcp:{port}:interface=127.0.0.1', admin: null}}\n"
        status, output = run_failing(tmp_path, text)
    assert status == 2
    assert output.count("\n") == 0
    assert f"127.0.0.1:{port}: the address is in use by another process" in output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("store: file:./nowhere\n", "nowhere"),
        ("store: redis://127.0.0.1/x\n", "database"),
        ("resources: {x: 'no.such:thing'}\n", "resources.x"),
        ("access_log: {path: nowhere/log}\n", "access_log.path: cannot open "),
        (
            "tls: {certificates: [{cert: a, key: a}, {cert: b, key: b}]}\n",
            "gateway.yaml:1:22: error: ",
        ),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_what_else_cannot_start_is_one_line_and_status_2(tmp_path: Path, text: str, said: str, workers: int) -> None:
    listeners = f"workers: {workers}\nlisteners: {{proxy: 'tcp:{free_port()}:interface=127.0.0.1', admin: null}}\n"
    status, output = run_failing(tmp_path, text + listeners)
    assert status == 2, output
    assert said in output
    assert "Traceback" not in output
    assert len([line for line in output.splitlines() if line]) == 1, output


def test_a_config_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    status, output = run_failing(tmp_path, "", "--config", "nowhere.yaml")
    assert (status, output) == (2, "gwt: cannot read nowhere.yaml: No such file or directory")


def test_the_plugin_and_its_options_import_no_reactor() -> None:
    code = (
        "import sys; from twisted.plugin import getPlugins; from twisted.application.service import IServiceMaker\n"
        "plugin = next(p for p in getPlugins(IServiceMaker) if p.tapname == 'gateway'); plugin.options()\n"
        "print('twisted.internet.reactor' in sys.modules)"
    )
    with Process([sys.executable, "-c", code], env=environment()) as process:
        assert process.wait() == 0
        assert process.lines[-1] == "False"
