"""The desk of a serving process: looks, reloads, objections, and what is said of failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plugging.test_house import CODE, write
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher

from gwt.metrics import Meters, Metrics
from gwt.model.route import PluginUse
from gwt.model.settings import Settings
from gwt.phase.ticker import Ticker
from gwt.plugging.desk import QUIET, Desk, broken_lines

FIELD = CODE.replace("    def access", "    size: int = 1\n    def access")


@pytest.fixture
def events() -> Any:
    seen: list[dict[str, Any]] = []
    globalLogPublisher.addObserver(seen.append)
    yield seen
    globalLogPublisher.removeObserver(seen.append)


class Stand:
    """A desk with a clock of its own; `changes` counts what it announced."""

    def __init__(self, base: Path, **settings: Any) -> None:
        self.clock, self.changes = Clock(), 0
        self.metrics = Metrics.private()
        self.desk = Desk(self.clock, self.clock.seconds, Ticker(), Meters(self.metrics), self._changed)
        self.settings = Settings(plugin_path=("p",), file="gateway.yaml", **settings)
        (base / "p").mkdir(exist_ok=True)
        self.desk.move(self.desk.furnish(self.settings, base), self.settings)

    def _changed(self) -> Deferred[None]:
        self.changes += 1
        return succeed(None)

    def count(self, plugin: str) -> int:
        return self.metrics.counter("gwt_plugin_failures_total", "Failures of plugins.", plugin=plugin).value


def test_changes_of_files_are_announced(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.desk.house._wall = lambda: 10**30
    stand.desk.start(1.0)
    stand.clock.advance(1)
    assert stand.changes == 0
    write(tmp_path / "p", "my-a")
    stand.clock.advance(1)
    assert stand.changes == 1 and "my-a" in stand.desk.installed.types
    stand.clock.advance(3)
    assert stand.changes == 1
    stand.desk.stop()
    assert stand.clock.getDelayedCalls() == []


def test_a_reload_looks_at_once(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    write(tmp_path / "p", "my-a")
    names: list[Any] = []
    stand.desk.reload().addCallback(names.append)
    stand.desk.reload().addCallback(names.append)
    assert names == [["my-a"], []] and stand.changes == 1


def test_the_local_list(tmp_path: Path) -> None:
    assert Stand(tmp_path).desk.local is None
    assert Stand(tmp_path, plugins=("a",)).desk.local == {"a"}


def test_a_change_must_fit_what_all_paths_go_through(tmp_path: Path) -> None:
    uses = (PluginUse("my-a", {"size": 5}), PluginUse("my-b", None))
    (tmp_path / "p").mkdir()
    path = tmp_path / "p/my-a.py"
    path.write_text(FIELD.format(name="my-a", version="1"))
    stand = Stand(tmp_path, global_plugins=uses)
    kind = stand.desk.installed.types["my-a"]
    write(tmp_path / "p", "my-a", "22")
    stand.desk.reload()
    assert stand.changes == 0 and stand.desk.installed.types["my-a"] is kind
    assert "unknown key 'size'" in stand.desk.installed.broken[0].why


def test_another_gateway_yaml_and_back(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    write(tmp_path / "p", "my-a")
    stand.desk.reload()
    house = stand.desk.furnish(Settings(plugins=("a",)), tmp_path)
    before = stand.desk.move(house, Settings(plugins=("a",)))
    assert "my-a" not in stand.desk.installed.types and stand.desk.local == {"a"}
    stand.desk.move(*before)
    assert "my-a" in stand.desk.installed.types and stand.desk.local is None


def test_what_comes_goes_and_breaks_is_said_once(tmp_path: Path, events: Any) -> None:
    stand = Stand(tmp_path)
    path = write(tmp_path / "p", "my-a")
    stand.desk.reload()
    (tmp_path / "p/bad.py").write_text("def x(:")
    stand.desk.reload()
    stand.desk.reload()
    path.unlink()
    stand.desk.reload()
    said = [(one["log_level"], one.get("name") or one.get("place")) for one in events]
    assert said == [
        (LogLevel.info, "my-a"), (LogLevel.error, str(tmp_path / "p/bad.py")), (LogLevel.warn, "my-a"),
    ]  # fmt: skip
    assert broken_lines(stand.desk.installed.broken)[0].endswith("is no plugin: line 1: invalid syntax")


def test_failures_are_counted_and_not_all_told(tmp_path: Path, events: Any) -> None:
    stand = Stand(tmp_path)
    for seconds in (0, QUIET / 2, QUIET / 2):
        stand.clock.advance(seconds)
        stand.desk.raised("a", "id", ValueError("x"))
    stand.desk.raised("b", "", ValueError("x"))
    told = [one for one in events if "log_failure" in one]
    assert [(one["plugin"], one["request_id"]) for one in told] == [("a", "id"), ("a", "id"), ("b", "-")]
    assert (stand.count("a"), stand.count("b")) == (3, 1)
