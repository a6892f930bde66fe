"""Announcing: an Event for what is wrong and for what was put right, once; nothing is written to a Secret."""

from __future__ import annotations

from typing import Any

import pytest
from controller.asked import GONE, PlayedApi
from twisted.internet.task import Clock

from gwt.controller.announcing import Announcing
from gwt.controller.messenger import RETRY
from gwt.controller.secrets import Kept
from gwt.controller.status import certificate_notice

WRONG, GOOD = certificate_notice("the certificate has expired"), certificate_notice(None)
EVENTS = ("POST", "/api/v1/namespaces/n/events")


class Rig:
    def __init__(self, *answers: Any) -> None:
        self.answers, self.clock, self.may = list(answers), Clock(), True
        self.api: Any = PlayedApi(lambda *_: self.answers.pop(0) if self.answers else (201, {}))
        self.kept = {f"n/{name}": Kept("n", name, "u", "", {}, {}) for name in "ab"}
        self.announcing = Announcing(self.clock, self.api, self.kept, lambda: self.may, lambda: 0.0)

    @property
    def told(self) -> list[tuple[str, str]]:
        assert {asked[:2] for asked in self.api.asked} <= {EVENTS}
        return [(body["involvedObject"]["name"], body["reason"]) for _, _, body in self.api.asked]


def test_what_is_wrong_is_told_once_and_that_it_is_well_again() -> None:
    rig = Rig()
    for _ in range(2):
        rig.announcing.announce({"n/a": WRONG}, {})
    assert rig.told == [("a", "CertificateRejected")]
    assert rig.api.asked[0][2]["message"] == "the certificate has expired; what it last said holds"
    rig.announcing.announce({}, {"n/a": GOOD})
    rig.announcing.announce({"n/a": WRONG}, {"n/b": GOOD})
    assert rig.told[1:] == [("a", "CertificateAccepted"), ("b", "CertificateAccepted"), ("a", "CertificateRejected")]
    rig.announcing.announce({"n/a": WRONG, "n/gone": WRONG}, {})
    assert len(rig.told) == 4


def test_another_leader_tells_what_is_wrong_anew() -> None:
    rig = Rig()
    rig.announcing.announce({"n/a": WRONG}, {})
    rig.announcing.forget()
    rig.may = False
    rig.announcing.announce({"n/a": WRONG}, {})
    assert len(rig.told) == 1
    rig.may = True
    rig.announcing.announce({"n/a": WRONG, "n/b": WRONG}, {})
    assert len(rig.told) == 3


@pytest.mark.parametrize("trouble", [GONE, (500, {}), (429, {}), (401, {})])
def test_it_is_tried_again(trouble: Any) -> None:
    rig = Rig(trouble)
    rig.announcing.announce({"n/a": WRONG}, {})
    rig.clock.advance(RETRY)
    assert rig.told == [("a", "CertificateRejected")] * 2


def test_a_refusal_is_taken_as_it_is() -> None:
    rig = Rig((403, {}))
    rig.announcing.announce({"n/a": WRONG}, {"n/b": GOOD})
    rig.clock.advance(RETRY)
    assert len(rig.told) == 2


def test_the_end() -> None:
    rig = Rig(GONE)
    rig.announcing.announce({"n/a": WRONG}, {})
    rig.announcing.stop()
    rig.clock.advance(RETRY)
    rig.announcing.announce({"n/b": WRONG}, {})
    assert len(rig.told) == 1
