"""Figures: what the controller counts, prefix gwt_controller_."""

from __future__ import annotations

from typing import Final

from gwt.metrics import Metrics
from gwt.store.follow import PARTS

#: Upper ends of the buckets of the lag, in seconds.
LAGS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Figures:
    """Handles on the metrics of one controller."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._lag = {
            part: metrics.histogram("gwt_controller_lag_seconds", "From a change to its commit.", LAGS, part=part)
            for part in PARTS
        }
        self._commits = {
            part: metrics.counter("gwt_controller_commits_total", "Commits to the store.", part=part) for part in PARTS
        }
        self._entries = {
            part: metrics.counter("gwt_controller_entries_total", "Entries written or deleted.", part=part)
            for part in PARTS
        }
        self.leader = metrics.gauge("gwt_controller_leader", "1 where this controller leads.")
        self.epoch = metrics.gauge("gwt_controller_epoch", "The epoch with which it last led.")
        self.rejected = metrics.gauge("gwt_controller_rejected_maps", "ConfigMaps of which something is not in force.")
        self.rejected_secrets = metrics.gauge(
            "gwt_controller_rejected_secrets", "Secrets whose certificate is not in force as it is."
        )
        self.secrets_synced = metrics.gauge(
            "gwt_controller_secrets_synced",
            "1 once all Secrets with certificates are known.",
        )
        self.synced = metrics.gauge("gwt_controller_synced", "1 once all kinds are known.")

    def committed(self, part: str, entries: int, lag: float) -> None:
        """A commit was made."""
        self._commits[part].inc()
        self._entries[part].inc(entries)
        self._lag[part].observe(lag)

    def error(self, kind: str) -> None:
        """Something went wrong."""
        self.metrics.counter("gwt_controller_errors_total", "What went wrong, by kind.", kind=kind).inc()

    def followed(self, resource: str, relists: int, errors: int, objects: int, silent: float) -> None:
        """How it stands with a kind: full reads, errors since the start, objects, and seconds since it was heard of."""
        gauge = self.metrics.gauge
        gauge("gwt_controller_objects", "Objects that are known.", resource=resource).set(objects)
        gauge("gwt_controller_relists", "Full reads since the start.", resource=resource).set(relists)
        gauge("gwt_controller_watch_errors", "Errors of lists and watches since the start.", resource=resource).set(
            errors
        )
        gauge(
            "gwt_controller_silent_seconds", "Since the API server was last heard of.", scale=1000, resource=resource
        ).set(int(silent * 1000))
