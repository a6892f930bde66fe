"""What loading costs: `python bench/routes.py [ROUTES] [yaml|flow|json] [ROUTES A FILE] [PATHS A ROUTE]`.

Writes 100,000 Routes (a host, a service and a path each) into files of 1,000, as block YAML, as YAML of one line or as
JSON, loads them as a gateway does at its start and prints the time until the Snapshot is in force, the CPU time of this
process and of the children that parse, and the memory. Then one Route changes: the time until that is in force.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gwt.reactor import available, install

if available():
    install()  # what a gateway runs on

from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import react

from gwt.balance.endpoint import Registry
from gwt.compile import empty_snapshot
from gwt.snapshot import Current, Snapshot
from gwt.store.open import open_store
from gwt.store.refresh import Refresher, RefreshEvent
from gwt.surroundings import Surroundings

BLOCK = """name: r{0}
hosts: [r{0}.example.com]
services:
- name: s{1}
  port: 80
  paths:
"""
FLOW = "{{name: r{0}, hosts: [r{0}.example.com], services: [{{name: s{1}, port: 80, paths: [{2}]}}]}}\n"


def document(form: str, number: int, service: int, paths: int) -> str:
    """One Route."""
    uris = ["/", *(f"/path-{one}" for one in range(1, paths))]
    if form == "json":
        services = [{"name": f"s{service}", "port": 80, "paths": [{"uri": uri} for uri in uris]}]
        return json.dumps({"name": f"r{number}", "hosts": [f"r{number}.example.com"], "services": services}) + "\n"
    if form == "flow":
        return FLOW.format(number, service, ", ".join(f"{{uri: {uri}}}" for uri in uris))
    return BLOCK.format(number, service) + "".join(f"  - uri: {uri}\n" for uri in uris)


def write(root: Path, form: str, first: int, last: int, paths: int, service: int = 0) -> None:
    """The file of Routes `first` to `last`; the first of them goes to `service`."""
    services = [service, *(number % 500 for number in range(first + 1, last))]
    texts = [document(form, number, one, paths) for number, one in zip(range(first, last), services, strict=True)]
    new = root / f".{first}"
    new.write_text("---\n".join(texts))
    new.rename(root / f"{first:06d}.yaml")


def observe(event: RefreshEvent) -> None:
    assert event.failure is None, event
    print(f"  revision {event.revision}: compiled in {event.seconds:.2f} s, {event.slice * 1e3:.1f} ms at most a turn")


@inlineCallbacks
def main(_: Any, routes: str = "100000", form: str = "yaml", a_file: str = "1000", a_route: str = "1") -> Any:
    count, step, paths = int(routes), int(a_file), int(a_route)
    root = Path(tempfile.mkdtemp(prefix="gwt-routes-"))
    for first in range(0, count, step):
        write(root, form, first, min(first + step, count), paths)
    surroundings = Surroundings(Registry(time.monotonic, random.random))
    current = Current(empty_snapshot(surroundings))
    refresher = Refresher(open_store(f"file:{root}", reactor), current, surroundings, reactor, 1.0, observe)
    begun, used = time.perf_counter(), time.process_time()
    yield refresher.start()
    took, cpu = time.perf_counter() - begun, time.process_time() - used
    print(f"{len(current.snapshot.book.branches)} routes ({form}) in force after {took:.1f} s, {cpu:.1f} s CPU here")
    swapped: Deferred[None] = Deferred()

    def seen(snapshot: Snapshot) -> None:
        if not swapped.called:
            swapped.callback(None)

    current.watch(seen)
    begun = time.perf_counter()
    write(root, form, 0, min(step, count), paths, 7)
    yield swapped
    print(f"one changed: in force after {time.perf_counter() - begun:.2f} s")
    yield refresher.stop()
    here, there = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"children: {there.ru_utime + there.ru_stime:.1f} s CPU; {here.ru_maxrss // 1024} MiB at most here")
    shutil.rmtree(root)


if __name__ == "__main__":
    react(main, sys.argv[1:])
