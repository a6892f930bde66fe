"""One level's access and plugins: values, lines, and a reader that knows its line."""

from __future__ import annotations

from gwt.model.access import Reader, read_access, read_cidrs, read_level, read_plugins
from gwt.model.route import NO_ACCESS, Access, PluginUse, RateLimit, Timeout


def test_a_level_that_says_nothing() -> None:
    reader = Reader(lambda path: 1, [])
    assert read_level(reader, {}, None) is NO_ACCESS
    assert read_level(reader, {"access": {}, "timeout": None}, None) is NO_ACCESS
    assert read_plugins(reader, None, None) == ()


def test_fields_and_lines() -> None:
    reader = Reader(lambda path: len(path), [])
    value = {
        "auth_type": ["key-auth"],
        "rate_limits": [{"rate": 5.0, "fail": "closed"}],
        "retry_buffer": "1KiB",
        "max_body": None,
        "retries": 2,
    }
    access = read_access(reader, value, (None, "access"))
    assert access == Access(
        auth_type=("key-auth",),
        rate_limits=(RateLimit(5, fail="closed"),),
        retry_buffer=1024,
        retries=2,
        lines={"auth_type": 2, "rate_limits": 2, "retry_buffer": 2, "retries": 2},
    )
    assert reader.faults == []


def test_timeout_beside_access_has_its_own_line() -> None:
    access = read_level(Reader(lambda path: len(path), []), {"access": {"retries": 0}, "timeout": "2s"}, (None, "x"))
    assert (access.timeout, access.lines) == (Timeout(2, 2, 2), {"retries": 3, "timeout": 2})


def test_a_line_that_the_document_knows_by_its_collection_needs_no_path() -> None:
    reader = Reader(lambda path: 1 // 0, [], lambda owner, key: 5)
    assert read_plugins(reader, {"a": False}, None) == (PluginUse("a", None, 5),)


def test_lists_of_cidrs() -> None:
    reader = Reader(lambda path: 1, [])
    assert read_cidrs(reader, ["10.1.0.0/8", "@office", "x", "@b d"], None) == ("10.0.0.0/8", "@office", "@b d")
    assert [fault.severity for fault in reader.faults] == ["warning", "error", "error"]


def test_lines_within_the_configuration_of_a_plugin() -> None:
    reader = Reader(lambda path: 10 + len(path), [])
    (use,) = read_plugins(reader, {"a": {"b": {"c": 1}, "d": [1, 2]}}, (None, "plugins"))
    assert use.lines == {("b",): 13, ("b", "c"): 14, ("d",): 13, ("d", 0): 14, ("d", 1): 14}
    assert [use.line_of(path) for path in [("b", "c"), ("b", "x"), ("x",), ()]] == [14, 13, 12, 12]
    (large,) = read_plugins(reader, {"a": {"list": [1] * 2000}}, (None, "plugins"))
    assert len(large.lines) == 500
    (alone,) = read_plugins(Reader(lambda path: 1 // 0, [], lambda owner, key: 5, True), {"a": {"b": 1}}, None)
    assert alone.line_of(("b",)) == 5
