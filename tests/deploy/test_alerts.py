"""Alerts name only metrics that gwt exports, use them as what they are, and stand alike in all three places."""

from __future__ import annotations

import re
from typing import Any

import pytest
from deploy.manifests import DEPLOY, KUBERNETES, ROOT, find, load
from prometheus_client.parser import text_string_to_metric_families

from gwt.controller.figures import Figures
from gwt.metrics import Metrics, exposition

(RULES,) = load(DEPLOY / "prometheus-rules.yaml")
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]


def of_the_gateway() -> dict[str, tuple[str, set[str]]]:
    """Name -> type and labels, from docs/metrics.md, which another test compares with what a gateway exposes."""
    rows = re.findall(r"^\| `(gwt_\w+)` \| (\w+) \| (.*?) \|", (ROOT / "docs/metrics.md").read_text(), re.M)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def of_the_controller() -> dict[str, tuple[str, set[str]]]:
    """The same, from what a controller exposes to which everything has happened."""
    figures = Figures(Metrics.private())
    figures.error("store")
    figures.followed("services", 1, 1, 1, 1.0)
    found = {}
    for family in text_string_to_metric_families(exposition(figures.metrics)):
        name = family.name + ("_total" if family.type == "counter" else "")
        found[name] = (family.type, set(family.samples[0].labels) - {"le"})
    return found


KNOWN = {**of_the_gateway(), **of_the_controller()}


def named(expr: str) -> list[tuple[str, str, str]]:
    """(function around it, metric, matchers) for every metric."""
    return re.findall(r"(?:(\w+)\()?(gwt_\w+)(\{[^}]*\})?", expr)


def metric(name: str) -> tuple[str, set[str]]:
    plain = re.sub(r"_(bucket|sum|count)$", "", name)
    return KNOWN[plain] if KNOWN.get(plain, ("",))[0] == "histogram" else KNOWN[name]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda one: one["alert"])
def test_an_alert_uses_metrics_that_are_there_as_what_they_are(alert: Any) -> None:
    found = named(alert["expr"])
    assert found
    labels = {"instance"}
    for function, name, matchers in found:
        kind, own = metric(name)
        assert (function in ("rate", "increase")) == (kind != "gauge"), name
        assert set(re.findall(r"(\w+)=", matchers)) <= own
        labels |= own
    grouped = {word for one in re.findall(r"by \((.*?)\)", alert["expr"]) for word in one.split(", ")} - {"le"}
    assert grouped <= labels
    text = " ".join(alert["annotations"].values())
    assert set(re.findall(r"\$labels\.(\w+)", text)) <= (grouped or labels)
    assert alert["labels"]["severity"] in ("warning", "critical")
    assert alert["annotations"].keys() == {"summary", "description"}


def test_an_unknown_metric_would_be_seen() -> None:
    with pytest.raises(KeyError):
        metric("gwt_workers_happy")


def test_names_of_alerts_are_unique() -> None:
    names = [alert["alert"] for alert in ALERTS]
    assert len(names) == len(set(names))


def test_they_stand_alike_in_all_places() -> None:
    assert find(load(KUBERNETES / "monitoring/rules.yaml"), "PrometheusRule", "gwt")["spec"] == RULES
    assert (DEPLOY / "helm/gwt/files/prometheus-rules.yaml").read_text() == (
        DEPLOY / "prometheus-rules.yaml"
    ).read_text()
