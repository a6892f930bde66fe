"""Snapshots for tests of the admin listener."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gwt.admin.answers import Reply
from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.snapshot import Snapshot
from gwt.steps import finish
from gwt.store.catalog import Catalog
from gwt.store.parts import read_content
from gwt.surroundings import Surroundings

DOCUMENTS = """\
name: foo
hosts: [foo.example.com]
namespace: foo
services:
- name: a
  port: 80
  paths: [{uri: /}, {uri: /private, access: {auth_type: login}}]
---
name: bar
hosts: [bar.example.com]
services: [{name: b, port: 80, path: []}]
---
name: foo
hosts: [late.example.com]
services: [{name: b, port: 80, paths: [{uri: /}]}]
---
upstreams:
  foo/a:80: ["10.0.0.1:80", {address: "10.0.0.2:80", weight: 2, ready: false}]
  other: ["10.0.0.3:80"]
"""


class World:
    """A catalog and the Snapshot that it makes."""

    def __init__(self) -> None:
        self.catalog = Catalog()
        surroundings = Surroundings(Registry(lambda: 0.0, lambda: 0.5))
        self.snapshot: Snapshot = empty_snapshot(surroundings)

    def put(self, files: Mapping[str, str]) -> Snapshot:
        """Read `files`, and put what they say in force."""
        for name, text in files.items():
            self.catalog.put(name, read_content(text.encode(), name))
        self.snapshot = compile_now(self.snapshot, finish(self.catalog.settle()))
        return self.snapshot


def told(reply: Reply) -> Any:
    """The JSON of a reply."""
    return json.loads("".join(reply.parts()))
