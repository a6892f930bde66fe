"""The values of gateway.yaml."""

from __future__ import annotations

from gwt.model import options
from gwt.model.options import Settings
from gwt.model.route import PluginUse
from gwt.model.secret import Secret


def test_every_option_but_the_file_is_in_the_schema() -> None:
    root, _ = options.schema()
    assert set(root["properties"]) == set(Settings.__dataclass_fields__) - {"file"}


def test_a_dump_is_plain_and_masked() -> None:
    use = PluginUse("a", {"b": {"jwt_secret": "x2", "c": [1]}}, 3, {}, "a: {b: {jwt_secret: x2, c: [1]}}")
    found = Settings(debug_token=Secret("x1"), global_plugins=(use,)).dump()
    assert found["debug_token"] == "***"
    assert found["global_plugins"] == [{"name": "a", "conf": {"b": {"jwt_secret": "***", "c": [1]}}}]
    assert found["listeners"]["proxy"] == ["tcp:9080"]


def test_the_check_is_compiled_once() -> None:
    assert options.check() is options.check()
