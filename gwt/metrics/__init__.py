"""Counters, gauges and histograms of all workers, kept in memory that they share through files.

A worker counts by `cells[i] += 1` in its own mapped file; nobody locks and nobody asks. Whoever is scraped
reads the files of all, the dead ones included. `Meters` names what the gateway itself counts.
"""

from gwt.metrics.exposition import CONTENT_TYPE, exposition, exposition_parts
from gwt.metrics.leafstats import LeafStats
from gwt.metrics.meters import Meters, StreamStats, UpstreamStats
from gwt.metrics.registry import Counter, Gauge, Histogram, Metrics, Vector
from gwt.metrics.shared import fold

__all__ = [
    "CONTENT_TYPE",
    "Counter",
    "Gauge",
    "Histogram",
    "LeafStats",
    "Meters",
    "Metrics",
    "StreamStats",
    "UpstreamStats",
    "Vector",
    "exposition",
    "exposition_parts",
    "fold",
]
