from __future__ import annotations

import pickle

from gwt.store.content import EMPTY, Content
from gwt.store.parts import read_content


def test_contents_survive_the_way_between_processes() -> None:
    text = b"hosts: [a.x]\nservices: [{upstream: u, paths: [{uri: /, access: {timeout: 3}}]}]\n---\nlists: {net: []}\n"
    content = read_content(text, "f.yaml")
    assert pickle.loads(pickle.dumps(content)) == content


def test_nothing_is_readable_and_says_nothing() -> None:
    assert EMPTY == Content()
    assert EMPTY.readable
