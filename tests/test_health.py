"""gwt.health: what /readyz tells."""

from __future__ import annotations

from gwt.health import Health


def test_it_is_ready_from_the_first_snapshot_until_it_drains() -> None:
    health = Health(lambda: 0.0)
    assert (health.serving, health.report()["status"]) == (False, "starting")
    health.ready = True
    assert (health.serving, health.report()["status"]) == (True, "ready")
    health.draining = True
    assert (health.serving, health.report()["status"]) == (False, "draining")


def test_a_store_that_fails_is_told_but_does_not_end_readiness() -> None:
    now = [10.0]
    health = Health(lambda: now[0], store="file:./routes")
    health.ready = True
    health.refreshed(7, 2)
    health.failed("no such directory")
    now[0] = 15.5
    health.failed("no such directory")
    assert health.serving
    source = health.report()["sources"]["file:./routes"]
    assert source == {
        "ready": True, "revision": 7, "problems": 2, "failing_for": 5.5, "failure": "no such directory",
    }  # fmt: skip
    health.reached()
    assert "failure" not in health.report()["sources"]["file:./routes"]
