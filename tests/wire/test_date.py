"""The Date field: an HTTP date of now, and a line of its own."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

from gwt.wire.date import date_line


def test_it_is_now_in_the_form_of_http() -> None:
    line = date_line()
    assert line.startswith(b"Date: ")
    assert line.endswith(b" GMT\r\n")
    assert abs(parsedate_to_datetime(line[6:].decode()).timestamp() - time.time()) < 3
