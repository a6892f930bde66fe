"""gwt.admin.order: sorted and in pages, without sorting in one go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gwt.admin.answers import PAUSE
from gwt.admin.order import CHUNK, Page, ascending


@given(st.sets(st.text(max_size=5)), st.none() | st.text(max_size=3))
def test_all_keys_in_order(keys: set[str], after: str | None) -> None:
    found = [key for key in ascending(keys, after) if key is not PAUSE]
    assert found == sorted(key for key in keys if after is None or key > after)


def test_it_pauses_between_chunks() -> None:
    keys = [f"{number:06}" for number in range(5 * CHUNK)]
    assert sum(1 for key in ascending(reversed(keys)) if key is PAUSE) == 5


@given(st.sets(st.text(min_size=1, max_size=3)), st.integers(1, 10))
def test_pages_add_up(keys: set[str], limit: int) -> None:
    seen: list[str] = []
    after: str | None = None
    while True:
        page = Page(ascending(keys, after), limit)
        rows = [row for row in page.rows(lambda key: (key, key)) if row is not PAUSE]
        assert len(rows) <= limit
        seen += rows
        if page.next is None:
            break
        after = page.next
    assert seen == sorted(keys)
