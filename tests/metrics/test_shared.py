from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gwt.metrics import Meters, Metrics, exposition, fold
from gwt.metrics import shared as shared_module
from gwt.metrics.family import Family, encode_family, encode_series
from gwt.metrics.shared import FOLDED, Totals, read_lines

WORKER = """
import sys
from gwt.metrics import Meters, Metrics
meters = Meters(Metrics.shared(sys.argv[1]))
stats = meters.leaf("foo", "a")
for line in sys.stdin:
    for _ in range(int(line)):
        meters.connections_active.inc()
        stats.done(200, 0.25, 1, 100)
    meters.snapshot(int(line))
    print("done", flush=True)
"""


class Worker:
    """A process that counts when it is told to."""

    def __init__(self, directory: Path) -> None:
        command = [sys.executable, "-c", WORKER, str(directory)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def count(self, number: int) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@contextmanager
def workers(directory: Path, number: int) -> Iterator[list[Worker]]:
    some = [Worker(directory) for _ in range(number)]
    try:
        yield some
    finally:
        for one in some:
            if one.process.poll() is None:
                one.kill()


def read(directory: Path) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(exposition(directory))
        for sample in family.samples
        if not sample.name.endswith("_bucket")
    }


def test_two_processes_and_the_crash_of_one(tmp_path: Path) -> None:
    with workers(tmp_path, 2) as (first, second):
        first.count(30)
        second.count(12)
        both = read(tmp_path)
        assert both["gwt_requests_total"] == both["gwt_request_duration_seconds_count"] == 42
        assert both["gwt_request_duration_seconds_sum"] == 42 * 0.25
        assert both["gwt_response_bytes_total"] == 4200
        assert both["gwt_connections_active"] == 42
        assert both["gwt_snapshot_revision"] == 12
        first.kill()
        # Nobody has to notice: what it counted stays, what it had open is gone.
        after = read(tmp_path)
        assert after["gwt_requests_total"] == 42
        assert after["gwt_connections_active"] == 12
        assert len(fold(tmp_path)) == 1
        assert read(tmp_path) == after
        assert len(list(tmp_path.glob("*.names"))) == len(list(tmp_path.glob("*.cells"))) == 1
        second.count(1)
        assert read(tmp_path)["gwt_requests_total"] == 43


def test_crash_after_crash_nothing_is_lost(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        with workers(tmp_path, 1) as (only,):
            only.count(number)
        assert len(fold(tmp_path)) == 1
        assert fold(tmp_path) == []
    assert read(tmp_path)["gwt_requests_total"] == 6
    assert [path.name for path in tmp_path.iterdir()] == [FOLDED]


def test_a_fold_that_is_cut_short_counts_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with workers(tmp_path, 1) as (only,):
        only.count(5)

    def cut(self: Path, missing_ok: bool = False) -> None:
        raise OSError("cut short")

    monkeypatch.setattr(shared_module.Path, "unlink", cut)
    with pytest.raises(OSError, match="cut short"):
        fold(tmp_path)
    assert read(tmp_path)["gwt_requests_total"] == 5
    monkeypatch.undo()
    fold(tmp_path)
    assert read(tmp_path)["gwt_requests_total"] == 5
    assert not list(tmp_path.glob("*.cells"))


def test_scrapes_while_processes_come_and_go(tmp_path: Path) -> None:
    seen: list[float] = []
    stop = threading.Event()

    def scrape() -> None:
        while not stop.is_set():
            seen.append(read(tmp_path).get("gwt_requests_total", 0.0))

    pool = ThreadPoolExecutor(1)
    scraping = pool.submit(scrape)
    try:
        for _ in range(3):
            with workers(tmp_path, 2) as some:
                for one in some:
                    one.count(10)
            fold(tmp_path)
    finally:
        stop.set()
        pool.shutdown()
    scraping.result()  # raises what a reading did
    assert seen and seen == sorted(seen)
    assert read(tmp_path)["gwt_requests_total"] == 60


def test_half_a_line_is_not_read_yet(tmp_path: Path) -> None:
    metrics = Metrics.shared(tmp_path)
    meters = Meters(metrics)
    meters.error("no_route")
    with next(tmp_path.glob("*.names")).open("ab") as names:
        names.write(b'["s", 0, 99')
    assert read(tmp_path)["gwt_errors_total"] == 1


def test_another_release_may_define_a_metric_differently() -> None:
    totals = Totals()
    for labels in (("a",), ("a", "b")):
        family = Family("gwt_x_total", "counter", "X.", labels)
        lines = [encode_family(0, family), encode_series(0, 0, labels)]
        for _ in read_lines(totals, lines, [1], alive=True):
            pass
    assert totals.values["gwt_x_total"] == {("a",): [1]}


def test_nothing_there_yet(tmp_path: Path) -> None:
    assert exposition(tmp_path) == ""
    assert fold(tmp_path) == []
