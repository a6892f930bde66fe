from __future__ import annotations

import json

from gwt.metrics.family import LONGEST_VALUE, Family, clean_value, decode_family, encode_family, encode_series, merged


def test_a_family_is_read_as_it_was_written() -> None:
    family = Family("gwt_x_seconds", "histogram", 'With "quotes"\nand lines.', ("a", "b"), (0.1, 1.0))
    line = encode_family(3, family)
    assert line.count(b"\n") == 1
    assert json.loads(line)[1] == 3
    assert decode_family(json.loads(line)) == family


def test_a_label_set_is_one_line_of_ascii() -> None:
    line = encode_series(1, 64, ("a\nb", "ü"))
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert json.loads(line) == ["s", 1, 64, ["a\nb", "ü"]]


def test_sizes() -> None:
    assert Family("gwt_x_total", "counter", "").size == 1
    assert Family("gwt_x_seconds", "histogram", "", bounds=(1.0, 2.0, 3.0)).size == 5


def test_label_values_can_be_shown() -> None:
    assert clean_value("x" * 1000) == "x" * LONGEST_VALUE
    assert clean_value("a\ud800b") == "a\\ud800b"


def test_merging() -> None:
    def gauge(how: str) -> list[float]:
        return merged(Family("gwt_x", "gauge", "", merge=how), [3], [5])

    assert [gauge("sum"), gauge("max"), gauge("min")] == [[8], [5], [3]]
    assert merged(Family("gwt_x_seconds", "histogram", "", bounds=(1.0,)), [1, 2, 0.5], [1, 0, 0.25]) == [2, 2, 0.75]


def test_a_scale_is_written_down_only_where_it_is_not_1() -> None:
    plain, scaled = Family("a", "gauge", "h"), Family("b", "gauge", "h", scale=1000)
    for family in (plain, scaled):
        assert decode_family(json.loads(encode_family(3, family))) == family
    assert len(json.loads(encode_family(3, plain))) == 8
