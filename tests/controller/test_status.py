"""What is told of a ConfigMap."""

from __future__ import annotations

import json
import re

import pytest

from gwt.controller.diff import RouteChanges
from gwt.controller.maps import Asked, Desired, Map
from gwt.controller.status import MOST, certificate_notice, event, notice, patch, statuses
from gwt.model.route import Problem


def asked(name: str) -> Asked:
    return Asked(f"n/m/{name}.yaml", name, {}, ())


def outcome(foreign: tuple[str, ...] = (), held: tuple[str, ...] = ()) -> RouteChanges:
    return RouteChanges({}, frozenset(foreign), frozenset(held))


def test_what_was_accepted_and_what_not() -> None:
    docs = {name: asked(name) for name in "abc"}
    problem = Problem("n/m/x.yaml", 3, 1, "unknown key 'hots'")
    found = statuses(Desired(docs, frozenset(), {"n/m": (problem,), "n/o": ()}), outcome(("a",), ("b",)))
    value = json.loads(found["n/m"].text)
    assert (value["accepted"], value["routes"], value["held"]) == (1, ["c"], ["b"])
    assert value["errors"][1] == "n/m/x.yaml:3:1: error: unknown key 'hots'"
    assert "taken by an entry of the store" in value["errors"][0]
    assert found["n/m"].bad and "2 errors" in found["n/m"].message
    assert (json.loads(found["n/o"].text), found["n/o"].bad) == ({"accepted": 0}, False)


def test_many_problems_are_counted() -> None:
    problems = tuple(Problem("f", line, 1, "x" * 1000) for line in range(1, MOST + 5))
    found = statuses(Desired({}, frozenset(), {"n/m": problems}), outcome())["n/m"]
    errors = json.loads(found.text)["errors"]
    assert len(errors) == MOST + 1 and errors[-1] == "and 4 more"
    assert len(found.text) < 4000


def test_what_is_accepted_is_named_as_far_as_it_can_be_read() -> None:
    docs = {name: asked(name) for name in ("r" * 1000, *(f"a{number:02}" for number in range(MOST + 4)))}
    found = statuses(Desired(docs, frozenset(), {"n/m": ()}), outcome())["n/m"]
    value = json.loads(found.text)
    assert (value["accepted"], value["routes"]) == (MOST + 5, [*sorted(docs)[:MOST], "and 5 more"])
    assert found.message.startswith(f"{MOST + 5} Routes are in force: a00, a01, ")
    found = statuses(Desired({"r": asked("r" * 1000)}, frozenset(), {"n/m": ()}), outcome())["n/m"]
    assert len(found.text) < 1000


def test_other_data_are_told_as_others_and_the_same_as_the_same() -> None:
    def text(digest: str) -> str:
        return statuses(Desired({"a": asked("a")}, frozenset(), {"n/m": ()}, (), {"n/m": digest}), outcome())[
            "n/m"
        ].text

    assert text("1f") == text("1f") != text("2f")
    assert json.loads(text("1f")) == {"accepted": 1, "routes": ["a"], "data": "1f"}


@pytest.mark.parametrize("name", ["m", "m" * 199 + ".x", "m" * 199 + "-x", "m" * 198 + "-.x", "m" * 253])
def test_events_have_names_that_the_api_server_takes(name: str) -> None:
    about = Map("n", name, "uid", "", {}, {}, None)
    made = event("ConfigMap", about, certificate_notice(None), "gwt-controller", "2026-01-01T00:00:00Z", "1f")
    label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
    assert re.fullmatch(rf"{label}(\.{label})*", made["metadata"]["name"]) and len(made["metadata"]["name"]) <= 253
    assert made["involvedObject"]["name"] == name


def test_patch_and_event() -> None:
    assert json.loads(patch("t", "gwt.io/status")) == {"metadata": {"annotations": {"gwt.io/status": "t"}}}
    found = statuses(Desired({}, frozenset(), {"n/m": (Problem("f", 1, 1, "x"),)}), outcome())["n/m"]
    about = Map("n", "m", "uid", "", {}, {}, None)
    made = event("ConfigMap", about, notice(found), "gwt-controller", "2026-01-01T00:00:00Z", "1f")
    assert (made["type"], made["reason"], made["metadata"]["name"]) == ("Warning", "RouteRejected", "m.1f")
    assert (made["involvedObject"]["uid"], made["involvedObject"]["kind"]) == ("uid", "ConfigMap")
    made = event("Secret", about, certificate_notice(None), "gwt-controller", "2026-01-01T00:00:00Z", "1f")
    assert (made["type"], made["reason"]) == ("Normal", "CertificateAccepted")
    assert certificate_notice("it is odd").message == "it is odd; what it last said holds"
