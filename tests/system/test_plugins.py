"""Plugins in real gateways: added, replaced, removed and reloaded while requests go on; told to whoever debugs."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from system.harness import GatewayProcess, Origin, get, poll, request, simple_route
from system.load import LoadLoop

CODE = """
from __future__ import annotations
from dataclasses import dataclass
from gwt.phase.plugin import Exchange, Plugin

@dataclass(frozen=True)
class Turn(Plugin):
    name = "turn"
    suffix: str = ""

    async def access(self, ctx: Exchange) -> None:
        ctx.request.set_header("X-Turn", {turn!r})

    def header_filter(self, ctx: Exchange) -> None:
        ctx.answer.set_header("X-Turn", {turn!r} + self.suffix)
"""
HOST = "foo.example.com"
#: What may be new of a hundred generations, in bytes, where nothing is to grow: noise of allocators.
NOISE = 2 << 20


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


def write(directory: Path, turn: str) -> None:
    """Swap the plugin's file for one of another turn."""
    directory.mkdir(exist_ok=True)
    new = directory / "turn.py.new"
    new.write_text(CODE.replace("{turn!r}", repr(turn)))
    new.replace(directory / "turn.py")


def start(tmp_path: Path, address: str, named: Mapping[str, Any], **settings: Any) -> GatewayProcess:
    write(tmp_path / "plugins", "one")
    documents = simple_route(address, plugins=named)
    return GatewayProcess(tmp_path, documents, {"plugin_path": ["plugins"], **settings})


def turn(gateway: GatewayProcess) -> str | None:
    return get(gateway.proxy, "/", host=HOST).headers.get("x-turn")


def reload(gateway: GatewayProcess) -> Any:
    answer = request(gateway.admin, "POST", "/v1/plugins/reload")
    assert answer.status == 200
    return answer.json()


def test_files_come_change_break_and_go(tmp_path: Path, origin: Origin) -> None:
    with start(tmp_path, origin.address, {"turn": {"suffix": "!"}}) as gateway:
        assert turn(gateway) == "one!"
        assert get(gateway.proxy, "/", host=HOST).json()["headers"]["x-turn"] == "one"
        write(tmp_path / "plugins", "two")
        poll(lambda: turn(gateway) == "two!")
        (tmp_path / "plugins/turn.py").write_text("def broken(:")
        gateway.wait_line("what was there before stays in force")
        assert turn(gateway) == "two!"
        (tmp_path / "plugins/turn.py").unlink()
        poll(lambda: get(gateway.proxy, "/", host=HOST).status == 503)
        missing = get(gateway.admin, "/v1/plugins").json()["missing"]
        assert missing == [{"name": "turn", "used_by": ["simple"], "uses": 1}]
        write(tmp_path / "plugins", "three")
        assert reload(gateway)["changed"] in (["turn"], [])
        poll(lambda: turn(gateway) == "three!")
        assert gateway.stop() == 0


def test_the_local_list_and_configurations_that_do_not_fit(tmp_path: Path, origin: Origin) -> None:
    with start(tmp_path, origin.address, {"turn": {}}, plugins=["request-id"]) as gateway:
        answer = get(gateway.proxy, "/", host=HOST)
        assert answer.status == 200 and "x-turn" not in answer.headers
        assert [one["name"] for one in get(gateway.admin, "/v1/plugins").json()["skipped"]] == ["turn"]
        gateway.configure({"plugins": None, "global_plugins": {"request-id": {}}})
        gateway.signal(signal.SIGHUP)
        gateway.wait_line("is in force")
        answer = get(gateway.proxy, "/", host=HOST)
        assert answer.headers["x-turn"] == "one" and answer.headers["x-request-id"]
        gateway.configure({"global_plugins": {"request-id": {"header_nam": "X"}}})
        gateway.signal(signal.SIGHUP)
        gateway.wait_line("unknown key 'header_nam'")
        assert turn(gateway) == "one"
        gateway.write(simple_route(origin.address, plugins={"turn": {"sufix": "?"}}))
        poll(lambda: get(gateway.admin, "/v1/problems").json()["errors"])
        problems = get(gateway.admin, "/v1/problems").json()["problems"]
        (problem,) = [one for one in problems if one["severity"] == "error"]
        assert problem["file"] == "routes.yaml" and "unknown key 'sufix', did you mean 'suffix'?" in problem["message"]
        assert turn(gateway) == "one"


def test_a_gateway_yaml_whose_plugins_do_not_fit_ends_the_start(tmp_path: Path) -> None:
    settings = {"global_plugins": {"request-id": {"algorithm": "md5"}}}
    with GatewayProcess(tmp_path, [], settings, wait=False) as gateway:
        assert gateway.wait() == 2
        assert "gateway.yaml:" in gateway.output and "algorithm: expected uuid, nanoid" in gateway.output
        assert "Traceback" not in gateway.output


def test_who_debugs_is_told(tmp_path: Path, origin: Origin) -> None:
    with start(tmp_path, origin.address, {"turn": {}}, debug_token="s3cret-token") as gateway:
        told = get(gateway.proxy, "/x", host=HOST, headers={"Gwt-Debug": "s3cret-token"})
        assert told.headers["gwt-plugins"] == "turn#access, turn#header_filter"
        assert told.headers["gwt-route"] == "simple/foo-service//"
        assert "gwt-debug" not in told.json()["headers"]
        for token in ("S3cret-token", "", "s3cret-token, s3cret-token"):
            assert "gwt-route" not in get(gateway.proxy, "/", host=HOST, headers={"Gwt-Debug": token}).headers
        poll(lambda: len(gateway.log_lines()) == 4)
        assert "s3cret" not in "".join(gateway.log_lines()) + gateway.output


def test_every_worker_looks_for_itself(tmp_path: Path, origin: Origin) -> None:
    with start(tmp_path, origin.address, {"turn": {}}, workers=2) as gateway:
        write(tmp_path / "plugins", "two")
        poll(lambda: [turn(gateway) for _ in range(12)] == ["two"] * 12)
        gateway.configure({"refresh": 60})
        seen = len(gateway.lines)
        gateway.signal(signal.SIGHUP)
        gateway.wait_line("is in force", start=seen)
        write(tmp_path / "plugins", "three")
        told = reload(gateway)
        assert (told["changed"], told["broken"]) == (["turn"], [])
        poll(lambda: reload(gateway)["workers"] == 2)  # who is too busy to answer is left out
        poll(lambda: [turn(gateway) for _ in range(12)] == ["three"] * 12)
        assert gateway.stop() == 0


def resident(gateway: GatewayProcess) -> int:
    return int(Path(f"/proc/{gateway.popen.pid}/statm").read_text().split()[1]) * 4096


def test_a_hundred_reloads_under_load_fail_no_request_and_leave_nothing(tmp_path: Path) -> None:
    with LoadLoop() as loop, start(tmp_path, loop.origin(), {"turn": {}}, refresh=60) as gateway:
        sizes: list[int] = []
        over = threading.Event()

        def turns() -> None:
            try:
                for number in range(150):
                    write(tmp_path / "plugins", f"turn {number}")
                    assert reload(gateway)["changed"] == ["turn"]
                    if number >= 49:
                        sizes.append(resident(gateway))
            finally:
                over.set()

        thread = threading.Thread(target=turns)
        thread.start()
        report = loop.run(gateway.proxy, [HOST.encode()], 2000, until=over)
        thread.join()
        assert not report.failed and report.done == report.sent >= 2000
        assert turn(gateway) == "turn 149"
        assert len(sizes) == 101 and sizes[-1] - sizes[0] < NOISE, (sizes[0], sizes[-1])
        assert gateway.stop() == 0
    assert json.loads(gateway.log_lines()[-1])["status"] == 200
