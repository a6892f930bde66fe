from __future__ import annotations

import pytest

from gwt.route.entry import Entry, order
from gwt.route.extras import Extras

TEMPLATES = [Entry(uri, "template") for uri in (b"/users/{id}", b"/users/{id}/posts", b"/{any}/me", b"/{a}/{b}/{c}")]


def put(*ordered: Entry, floating: tuple[Entry, ...] = ()) -> Extras:
    extras = Extras(floating)
    for rank, entry in enumerate(ordered):
        extras.put(rank, entry)
    return extras


def fitting(path: bytes) -> list[bytes]:
    ordered = sorted(TEMPLATES, key=order)
    return [entry.uri for entry in put(*ordered).among((), path.split(b"/"))]


@pytest.mark.parametrize(
    ("path", "uris"),
    [
        (b"/users/1", [b"/users/{id}"]),
        (b"/users/me", [b"/users/{id}", b"/{any}/me"]),
        (b"/users/1/posts", [b"/users/{id}/posts", b"/{a}/{b}/{c}"]),
        (b"/x/me", [b"/{any}/me"]),
        (b"/users/", []),
        (b"/users", []),
        (b"/users/1/posts/2", []),
        (b"/a/b/c/d", []),
        (b"/a//c", []),
        (b"/", []),
    ],
)
def test_every_template_that_fits_is_found_in_order(path: bytes, uris: list[bytes]) -> None:
    assert fitting(path) == uris


def test_extras_come_in_their_places() -> None:
    high, template, low = Entry(b"/", priority=1), Entry(b"/{a}", "template"), Entry(b"/")
    floating = Entry(b"a", "regex")
    extras = put(high, template, floating, low)
    assert tuple(extras.among((low,), [b"", b"x"])) == (template, low)
    assert tuple(extras.among((high, low), [b"", b"x"])) == (high, template, low)
    assert tuple(extras.among((high, low), [b"", b"x", b"y"])) == (high, low)
    extras = put(high, template, floating, low, floating=(floating,))
    assert tuple(extras.among((high, low), [b"", b"x"])) == (high, template, floating, low)
    assert tuple(extras.among((), [b"", b"x", b"y"])) == (floating,)
